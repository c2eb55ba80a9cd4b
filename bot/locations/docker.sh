# The location's half of the `docker` runtime, sent by bot/locations/docker.py as one `sh -c` a call.
# POSIX sh; needs docker, coreutils and util-linux (flock, setsid), and no Python. One line of answer on standard output.
#
#   launch RUN_DIR JOB WORKDIR HOME FENCE USER MEMORY NETWORK_IMAGE STEP IMAGE NOTICE_IMAGE NOTICES [words for docker run]
#          standard input: a line with a registry's login (may be empty; `-` says that one may be asked for), then the order
#   image  RUN_DIR JOB HOME NAME INPUTS
#   build  RUN_DIR JOB WORKDIR HOME FENCE USER SCRIPT NAME INPUTS REGISTRY PULL [words for docker build]
#          SCRIPT is image.sh; standard input: a line with the registry's login (may be empty)
#   status RUN_DIR JOB
#   kill   RUN_DIR JOB GRACE
#   decide RUN_DIR CHOICE
#   jobs   WORKDIR ''                     the time there, then a line for each container of ours that lives
#
# A job leaves RUN_DIR/jobs/JOB.container (it was launched; the id) and JOB.exit.json (how it ended; its container is gone).
# One that builds is a process group instead of a container: JOB.build has its number and fence, and is locked while it lives.
set -eu
umask 022
export LC_ALL=C
verb=$1 run_dir=$2 job=$3
folder=$run_dir/jobs/$job

# whole FILE: standard input becomes its content, all at once.
whole() {
    temporary=$(mktemp "$1.XXXXXX")
    cat >"$temporary"
    chmod 644 "$temporary"
    sync "$temporary" 2>/dev/null || :
    mv -f "$temporary" "$1"
}

# once FILE CONTENT: the first to come writes it; everybody else leaves it as it is.
once() {
    temporary=$(mktemp "$1.XXXXXX")
    printf '%s' "$2" >"$temporary"
    chmod 644 "$temporary"
    sync "$temporary" 2>/dev/null || :
    ln "$temporary" "$1" 2>/dev/null || :
    rm -f "$temporary"
    [ -e "$1" ]
}

size() {
    stat -c %s "$1" 2>/dev/null || echo 0
}

# look: `absent`, or the state of the container in docker's words, its exit code and OOMKilled.
look() {
    shape='{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}'
    if found=$(docker container inspect --format "$shape" "$job" 2>/dev/null); then
        echo "$found"
        return
    fi
    # There is none, or the engine does not answer; in that case this fails, too.
    known=$(docker container ls --all --quiet --filter "name=^$job\$")
    [ -z "$known" ] && echo absent
}

# sweep: nothing of the job is left with the engine.
sweep() {
    docker container rm --force --volumes "$job" >/dev/null 2>&1 || :
    docker container rm --force --volumes "$job-net" >/dev/null 2>&1 || :
    docker container rm --force --volumes "$job-notice" >/dev/null 2>&1 || :
    [ "$(look)" = absent ]
}

# settle STATE CODE OOM: say in `ended` and, for ever, in a file how the job ended; only then let its container go.
settle() {
    ended="{\"exit_code\": $2, \"oom\": $3}"
    case $2 in
    251) ended='{"exit_code": 137, "oom": true}' ;; # trainer/contained.py saw the kernel do it
    255) ended=null ;;                              # docker's word for: gone while docker was down
    esac
    rm -f "$folder.reserve" # a full disk has room for this now
    [ "$ended" = null ] || once "$folder.exit.json" "$ended" 2>/dev/null || return 0
    sweep || :
}

# alone: whoever launches for this project, and looks after this run's jobs, is the only one; and no newer one was here.
alone() {
    mkdir -p "$workdir" "$home"
    exec 9>>"$home/fence.lock"
    flock 9
    raise_fence
    mkdir -p "$run_dir"
    [ -d "$run_dir/jobs" ] || give "$run_dir"
    mkdir -p "$run_dir/jobs"
    exec 8>>"$run_dir/jobs/.lock"
    flock 8
}

launch() {
    workdir=$4 home=$5 fence=$6 user=$7 memory=$8 network_image=$9
    shift 9
    step=$1 image=$2 notice_image=$3 notices=$4
    shift 4
    alone
    if [ -e "$folder.exit.json" ]; then
        echo already
        return
    fi
    state=$(look)
    case $state in
    absent)
        if [ -e "$folder.container" ]; then # it was taken away
            echo already
            return
        fi
        ;;
    created* | configured* | initialized*) # its launcher died before it was started
        sweep
        state=absent
        ;;
    exited* | stopped* | dead*)
        echo already
        return
        ;;
    esac
    if [ "$state" = absent ]; then
        read -r registry account password || :
        have "$image"
        [ -z "$network_image" ] || have "$network_image"
        [ -z "$notice_image" ] || have "$notice_image"
        mkdir -p "$folder"
        chmod 1777 "$folder" # only the place of the container's tmpfs, which runc gives the same mode
        folders
        printf '%4096s' '' >"$folder.reserve"
        start "$@"
    else
        read -r _ || :
    fi
    tell
    echo launched
}

# tell: a job takes its order once; telling it again, when the last launcher died right here, changes nothing.
tell() {
    docker container inspect --format '{{.Id}}' "$job" </dev/null | whole "$folder.container"
    # shellcheck disable=SC2016
    docker exec --interactive "$job" sh -c 'umask 077
        cat >"$1/.order.$$"
        [ -e "$1/taken" ] || mv "$1/.order.$$" "$1/order.json"
        rm -f "$1/.order.$$"' sh "$folder" >/dev/null && return
    said=$(docker logs --tail 3 "$job" 2>&1 </dev/null | grep -v '^ *$' | tail -n 1)
    case $(look) in running*) failed "It does not take its order." ;; esac
    sweep || :
    rm -f "$folder.container"
    echo "unfit $said"
    exit 0
}

raise_fence() {
    seen=0
    [ ! -e "$home/fence" ] || seen=$(cat "$home/fence")
    if [ "$seen" -gt "$fence" ]; then
        echo fenced
        exit 0
    fi
    [ "$seen" -eq "$fence" ] || echo "$fence" | whole "$home/fence"
}

# give FOLDER: it is there, and whoever is in the container may write it. Links inside are not followed.
give() {
    if [ -z "$user" ]; then
        user=$(id -u):$(id -g)
        [ "$(id -u)" != 0 ] || user=10001:10001
    fi
    mkdir -p "$1"
    [ "$(stat -L -c %u:%g "$1")" = "$user" ] || chown -hR "$user" "$1"
}

folders() {
    for place in "$home" "$home/repo" "$home/mirror.git" "$home/mirror.git/objects" "$workdir/dvc-cache" "$workdir/dvc-site"; do
        give "$place"
    done
    for file in "$run_dir/events.jsonl" "$run_dir/log" "$run_dir/notice"; do
        [ -e "$file" ] || : >>"$file"
        chown -h "$user" "$file"
    done
}

start() {
    if [ -z "$memory" ]; then
        read -r _ total _ </proc/meminfo
        memory=$((total / 10 * 9))k
    fi
    if [ -n "$network_image" ]; then
        docker container rm --force "$job-net" >/dev/null 2>&1 || :
        run --name "$job-net" --label "stationmaster.network-of=$job" --network bridge --init --user 0:0 --read-only \
            --cap-drop ALL --cap-add NET_ADMIN --security-opt no-new-privileges --pids-limit 32 --memory 256m \
            --entrypoint sleep "$network_image" infinity
        docker exec "$job-net" python -P -m trainer.metadata </dev/null >/dev/null || failed "The metadata service is not shut."
        set -- --network "container:$job-net" "$@"
    fi
    if [ -n "$notice_image" ]; then
        docker container rm --force "$job-notice" >/dev/null 2>&1 || :
        run --name "$job-notice" --label "stationmaster.notice-of=$job" --network host --init --user "$user" --read-only \
            --cap-drop ALL --security-opt no-new-privileges --pids-limit 32 --memory 256m \
            --mount "type=bind,\"source=$run_dir/notice\",\"target=$run_dir/notice\"" \
            --entrypoint python "$notice_image" -P -m trainer.job.notice "$notices" "$run_dir/notice"
    fi
    run --name "$job" --user "$user" --memory "$memory" --memory-swap "$memory" "$@"
}

run() {
    said=$(docker run --detach --pull never "$@" 2>&1 </dev/null >/dev/null) || failed "$said"
}

failed() {
    sweep || :
    rm -f "$folder.container"
    printf '%s\n' "$1" | grep -v -e 'docker run --help' -e '^ *$' | tail -n 1 >&2
    exit 1
}

# have IMAGE: go on when it is here; else see to it that it comes, say so, and end.
have() {
    docker image inspect "$1" >/dev/null 2>&1 </dev/null && return
    docker version </dev/null >/dev/null
    case $1 in sha256:*)
        echo "unpulled It was built here and is in no registry, and it was removed: not found."
        exit 0
        ;;
    esac
    mkdir -p "$workdir/pulls"
    at=$workdir/pulls/$(printf '%s' "$1" | cksum | tr -d ' ')
    if [ -e "$at.failed" ]; then
        echo "unpulled $(grep -v '^ *$' "$at.failed" | tail -n 1)"
        rm -f "$at.failed"
        exit 0
    fi
    if flock -n "$at.lock" true; then
        if [ "$registry" = - ]; then
            echo "login $1"
            exit 0
        fi
        pull "$1"
    fi
    echo pulling
    exit 0
}

pull() {
    login=
    if [ -n "$password" ]; then
        memory=/dev/shm # no disk
        [ -w "$memory" ] || memory=${TMPDIR:-/tmp}
        login=$(mktemp -d "$memory/pull.XXXXXX")
        export DOCKER_CONFIG="$login"
        if ! said=$(printf '%s' "$password" | docker login --username "$account" --password-stdin "$registry" 2>&1); then
            rm -rf "$login"
            echo "unpulled $(printf '%s\n' "$said" | tail -n 1)"
            exit 0
        fi
    fi
    # shellcheck disable=SC2016
    setsid flock -n "$at.lock" sh -c 'docker pull --quiet "$1" >"$2.log" 2>&1 || mv "$2.log" "$2.failed"
        [ -z "$3" ] || rm -rf "$3"' sh "$1" "$at" "$login" </dev/null >/dev/null 2>&1 8>&- 9>&- &
}

# image: `found` and the image by digest (or by id) when it is here already, made from just these inputs; else `none`.
image() {
    home=$4 name=$5 inputs=$6
    known='' of='' found=''
    [ ! -e "$home/images/${name##*:}" ] || read -r known of found <"$home/images/${name##*:}"
    if [ "$known $of" = "$inputs $name" ]; then
        shape='{{index .Config.Labels "stationmaster.inputs"}}'
        if [ "$(docker image inspect --format "$shape" "$found" 2>/dev/null </dev/null)" = "$inputs" ]; then
            rm -rf "$run_dir/context" || : # nothing is built from it
            echo "found $found"
            return
        fi
    fi
    docker version </dev/null >/dev/null
    echo none
}

build() {
    workdir=$4 home=$5 fence=$6 user=$7 script=$8
    shift 8
    alone
    if [ -e "$folder.exit.json" ] || [ -s "$folder.build" ]; then
        echo already
        return
    fi
    exec 7>>"$folder.build"
    flock 7
    folders
    IFS= read -r login || :
    # The lock goes with the open file 7, and so to everybody whom the job starts.
    printf '%s\n' "$login" |
        setsid sh -c "$script" image.sh "$run_dir" "$job" "$home" "$@" >>"$run_dir/log" 2>&1 8>&- 9>&- &
    echo "$! $fence" >&7
    echo launched
}

kill_build() {
    exec 7>>"$folder.build"
    if [ ! -e "$folder.exit.json" ] && ! flock -n 7; then
        read -r leader _ <"$folder.build"
        kill -s TERM -- "-$leader" 2>/dev/null || :
        if ! flock -w "$grace" 7; then
            kill -s KILL -- "-$leader" 2>/dev/null || :
            flock -w 10 7 || return
        fi
    fi
    rm -rf "/dev/shm/$job."* "${TMPDIR:-/tmp}/$job."*
    once "$folder.exit.json" '{"exit_code": 137, "oom": false}'
}

status() {
    word=running
    ended=null
    if [ -e "$folder.build" ]; then
        ! flock -n "$folder.build" true || word=lost
    elif [ ! -e "$folder.exit.json" ]; then
        state=$(look)
        case $state in
        absent)
            word=absent
            [ ! -e "$folder.container" ] || word=lost
            ;;
        exited* | stopped* | dead*)
            # shellcheck disable=SC2086 # three words
            settle $state
            word=exited
            [ "$ended" != null ] || word=lost
            ;;
        esac
    fi
    if [ -e "$folder.exit.json" ]; then
        word=exited
        ended=$(cat "$folder.exit.json")
    fi
    printf '{"state": "%s", "ended": %s, "events_size": %s, "log_size": %s}\n' \
        "$word" "$ended" "$(size "$run_dir/events.jsonl")" "$(size "$run_dir/log")"
}

kill_job() {
    grace=$4
    mkdir -p "$run_dir/jobs"
    exec 8>>"$run_dir/jobs/.lock"
    flock 8
    if [ -e "$folder.build" ]; then
        if kill_build; then echo gone; else echo left; fi
        return
    fi
    state=$(look)
    case $state in running*)
        docker exec "$job" sh -c 'kill -TERM -1' </dev/null >/dev/null 2>&1 || : # everybody but the container's init
        docker stop -t "$grace" "$job" </dev/null >/dev/null 2>&1 || :
        docker kill "$job" </dev/null >/dev/null 2>&1 || :
        state=$(look)
        ;;
    esac
    case $state in
    exited* | stopped* | dead*) # shellcheck disable=SC2086 # three words
        settle $state ;;
    esac
    [ -e "$folder.exit.json" ] || once "$folder.exit.json" '{"exit_code": 137, "oom": false}' || :
    if sweep; then echo gone; else echo left; fi
}

decide() {
    mkdir -p "$run_dir"
    once "$run_dir/decision" "$job"
    cat "$run_dir/decision"
}

# In one look: what ends between two would be missed, or would be an error. RUN_DIR is the workdir here.
jobs() {
    date +%s
    shape='{{.Names}}\t{{.Label "stationmaster.uid"}}\t{{.Label "stationmaster.fence"}}\t{{.Label "stationmaster.step"}}'
    docker container ls --no-trunc --filter label=stationmaster.uid --filter status=running --filter status=paused \
        --format "$shape\t{{.CreatedAt}}\t{{.Label \"stationmaster.run-dir\"}}"
    for started in "$run_dir"/runs/*/jobs/*.build; do
        if [ -s "$started" ] && [ ! -e "${started%.build}.exit.json" ] && ! flock -n "$started" true; then
            its=${started%/jobs/*} name=${started##*/}
            read -r _ fence <"$started"
            at=$(date -u -d "@$(stat -c %Y "$started")" '+%Y-%m-%d %H:%M:%S +0000')
            printf '%s\t%s\t%s\tbuild\t%s\t%s\n' "${name%.build}" "${its##*/}" "$fence" "$at" "$its"
        fi
    done
}

case $verb in
launch) launch "$@" ;;
image) image "$@" ;;
build) build "$@" ;;
status) status ;;
kill) kill_job "$@" ;;
decide) decide ;;
jobs) jobs ;;
*) exit 64 ;;
esac
