# The location's half of the `docker` runtime: what bot/locations/docker.py sends as one `sh -c` a call.
# POSIX sh; needs docker, coreutils and util-linux (flock, setsid), and no Python. Answers in words on standard output.
#
#   launch RUN_DIR JOB WORKDIR HOME FENCE USER MEMORY KEEPER STEP IMAGE [docker run's words]   (2 lines on standard input)
#   status RUN_DIR JOB
#   kill   RUN_DIR JOB GRACE
#   decide RUN_DIR CHOICE
#
# In RUN_DIR/jobs/JOB: `container` (the id; the job was launched), `exit.json` (how it ended; the container is gone then).
set -eu
umask 022
LC_ALL=C
export LC_ALL
verb=$1 run_dir=$2 job=$3
folder=$run_dir/jobs/$job

# whole FILE: standard input becomes the file's content, all at once.
whole() {
    temporary=$(mktemp "$1.XXXXXX")
    cat >"$temporary"
    chmod 644 "$temporary"
    sync "$temporary" 2>/dev/null || :
    mv -f "$temporary" "$1"
}

# once FILE CONTENT: the first to come writes the file, everybody else leaves it.
once() {
    temporary=$(mktemp "$1.XXXXXX")
    printf '%s' "$2" >"$temporary"
    chmod 644 "$temporary"
    ln "$temporary" "$1" 2>/dev/null || :
    rm -f "$temporary"
    [ -e "$1" ]
}

# alone FILE: nobody else is past this line with the same file, until this script ends.
alone() {
    exec 9>>"$1"
    flock 9
}

# look: "absent", or docker's word for the container's state with its exit code and OOMKilled.
look() {
    docker container inspect --format '{{.State.Status}} {{.State.ExitCode}} {{.State.OOMKilled}}' "$job" 2>/dev/null &&
        return
    # It failed: because there is none, or because the engine does not answer? Only the latter makes this fail, too.
    known=$(docker container ls --all --quiet --filter "name=^$job\$")
    [ -z "$known" ] && echo absent
}

# settle CODE OOM: say how the job ended, for ever, and only then let its container go.
settle() {
    once "$folder/exit.json" "{\"exit_code\": $1, \"oom\": $2}"
    sweep
}

# sweep: nothing of the job is left in the engine.
sweep() {
    docker container rm --force --volumes "$job" >/dev/null 2>&1 || :
    docker container rm --force --volumes "$job-net" >/dev/null 2>&1 || :
    state=$(look)
    [ "$state" = absent ]
}

# own FOLDER: it is there and the container's user may write it; links in it are not followed.
own() {
    [ ! -L "$1" ] || rm -f "$1"
    mkdir -p "$1"
    [ "$(stat -c %u:%g "$1")" = "$user" ] || chown -hR "$user" "$1"
}

launch() {
    workdir=$4 home=$5 fence=$6 user=$7 memory=$8 keeper=$9
    shift 9
    step=$1 image=$2
    shift 2
    mkdir -p "$workdir" "$home"
    raise_fence
    IFS= read -r login || :
    [ ! -e "$folder/container" ] && [ ! -e "$folder/exit.json" ] || { echo already; return; }
    have_image
    mkdir -p "$folder"
    give_folders
    state=$(look)
    [ "$state" = absent ] || case $state in
        created* | configured* | initialized*) sweep && state=absent ;;  # its launcher died before it was started
    esac
    [ "$state" != absent ] || start "$@"
    # A job takes its order once; telling it again (the last launcher died just here) changes nothing.
    docker exec --interactive "$job" sh -c \
        'umask 077; cat >"$1/.told.$$" && { [ -e "$1/taken" ] || mv "$1/.told.$$" "$1/order.json"; }; rm -f "$1/.told.$$"' \
        sh "$folder"
    echo "$state" | grep -q absent || :
    docker container inspect --format '{{.Id}}' "$job" | whole "$folder/container"
    echo launched
}

raise_fence() {
    alone "$home/fence.lock"
    seen=0
    [ ! -e "$home/fence" ] || seen=$(cat "$home/fence")
    [ "$seen" -le "$fence" ] || { echo fenced; exit 0; }
    [ "$seen" -eq "$fence" ] || echo "$fence" | whole "$home/fence"
}
