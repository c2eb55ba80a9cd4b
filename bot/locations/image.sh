# The detached half of docker.sh's verb `build`: makes a branch's image, or finds it, and says how that ended.
# POSIX sh. Its output is the run's log. Standard input: a line with the registry's login (may be empty).
#
#   RUN_DIR JOB HOME NAME INPUTS REGISTRY PULL [words for docker build]
#
# INPUTS is the digest of all that the image is made from; the image carries it as a label. REGISTRY is the host that
# NAME is pushed to, or empty; PULL is empty where it is known that the image there is another one. What it came to is in HOME/images/<tag>: INPUTS, NAME, and the image by digest or by id.
#
# Exit status: 0 done; 20 the build failed; 21 the registry refused the login; 22 it has no such repository;
# 23 it did not do it for another reason; 24 docker does not answer, or the disk does not take the note.
set -u
umask 022
export LC_ALL=C BUILDKIT_PROGRESS=plain
run_dir=$1 job=$2 home=$3 name=$4 inputs=$5 registry=$6 pull=$7
shift 7
folder=$run_dir/jobs/$job
repository=${name%:*}
login=

ended() {
    code=$?
    trap '' EXIT TERM INT HUP
    [ -z "$login" ] || rm -rf "$login"
    printf '{"exit_code": %s, "oom": false}' "$code" >"$folder.exit.new"
    ln "$folder.exit.new" "$folder.exit.json" 2>/dev/null || : # the first to say it is believed
    rm -f "$folder.exit.new"
    exit "$code"
}
trap ended EXIT
trap 'exit 143' TERM INT HUP

# tell STATE: an event (trainer/events.py) for the bot.
tell() {
    seq=$(($(wc -l <"$run_dir/events.jsonl") + 1))
    printf '{"v": 1, "seq": %s, "at": "%s", "kind": "image", "state": "%s"}\n' \
        "$seq" "$(date -u +%Y-%m-%dT%H:%M:%S.000Z)" "$1" >>"$run_dir/events.jsonl"
}

# made_from IMAGE: the digest of the inputs that it was made from; nothing for one that is not here.
made_from() {
    docker image inspect --format '{{index .Config.Labels "stationmaster.inputs"}}' "$1" 2>/dev/null </dev/null
}

# no WORDS: the registry did not do it; end with the status that says why.
no() {
    printf '%s\n' "$1"
    case $1 in
    *'name unknown'* | *'does not exist in the registry'*) exit 22 ;;
    *denied* | *nauthorized* | *'no basic auth'* | *'authentication required'* | *'token has expired'* | *'username or password'* | *'username/password'*) exit 21 ;;
    *) exit 23 ;;
    esac
}

not_built() {
    docker version >/dev/null 2>&1 </dev/null || exit 24
    exit 20
}

log_in() {
    read -r host account password || :
    [ -n "${password:-}" ] || return 0
    memory=/dev/shm # no disk; docker.sh removes it where this script is killed
    [ -w "$memory" ] || memory=${TMPDIR:-/tmp}
    login=$(mktemp -d "$memory/$job.XXXXXX")
    [ ! -d "$HOME/.docker/cli-plugins" ] || ln -s "$HOME/.docker/cli-plugins" "$login/cli-plugins"
    export DOCKER_CONFIG="$login"
    said=$(printf '%s' "$password" | docker login --username "$account" --password-stdin "$host" 2>&1) || no "$said"
}

# pull: 0 when the registry's image is the one that is wanted; then it is here.
pull() {
    if ! said=$(docker pull --quiet "$name" 2>&1 </dev/null); then
        case $registry:$said in
        *.dkr.ecr.*:*'name unknown'*) no "$said" ;; # it does not make repositories by itself: better said before a build
        *'manifest unknown'* | *'not found'* | *'name unknown'* | *'repository does not exist'*) return 1 ;;
        *) no "$said" ;;
        esac
    fi
    [ "$(made_from "$name")" = "$inputs" ]
}

# push: `image` becomes the name by digest, and the engine knows it by that.
push() {
    said=$(docker push "$name" 2>&1 </dev/null) || no "$said"
    digest=$(printf '%s\n' "$said" | sed -n 's/.*digest: \(sha256:[0-9a-f]\{64\}\).*/\1/p' | tail -n 1)
    [ -n "$digest" ] || no "The registry did not say which digest it gave to $name: $said"
    image=$repository@$digest
    docker image inspect "$image" >/dev/null 2>&1 </dev/null && return
    said=$(docker pull --quiet "$image" 2>&1 </dev/null) || no "$said"
}

by_digest() {
    docker image inspect --format '{{range .RepoDigests}}{{println .}}{{end}}' "$name" </dev/null |
        grep -F "$repository@" | head -n 1
}

log_in
state=kept
if [ "$(made_from "$name")" != "$inputs" ]; then
    if [ -n "$registry" ] && [ -n "$pull" ] && pull; then
        state=pulled
    else
        tell building
        docker build --file "$run_dir/context/Dockerfile.train" --tag "$name" --label "stationmaster.inputs=$inputs" \
            --label "stationmaster.image=$name" "$@" "$run_dir/context" 2>&1 </dev/null || not_built
        state=built
    fi
fi
if [ -z "$registry" ]; then
    image=$(docker image inspect --format '{{.Id}}' "$name" </dev/null) || exit 24
elif [ "$state" = pulled ]; then
    image=$(by_digest)
else
    push
    state=pushed
fi
mkdir -p "$home/images" || exit 24
printf '%s %s %s\n' "$inputs" "$name" "$image" >"$home/images/.$job" || exit 24
mv -f "$home/images/.$job" "$home/images/${name##*:}" || exit 24
tell "$state"
# The branch's earlier images have lost their name to this one.
docker image prune --force --filter "label=stationmaster.image=$name" >/dev/null 2>&1 </dev/null || :
rm -rf "$run_dir/context" || :
