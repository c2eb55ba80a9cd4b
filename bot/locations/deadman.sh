# The dead-man's timer of a machine, sent by bot/locations/deadman.py as one `sh -c` a call, with its own text in `text`.
# POSIX sh for Linux; needs coreutils and util-linux (flock, setsid), and no Python.
#
#   guard WORKDIR LEASE HARD INTERVAL [words that power it off]    renew the lease, and see to it that somebody watches
#   watch WORKDIR LEASE HARD INTERVAL [words]                      look every INTERVAL seconds, for ever
#   look  WORKDIR LEASE HARD INTERVAL [words]                      look once (deploy/stationmaster-deadman.service)
#
# A machine powers itself off when nobody renewed for LEASE seconds and no job of ours lives; after HARD seconds whatever
# runs. WORKDIR/guard/lease says until when: "BOOT LEASE-END HARD-END", in seconds since that boot, which no wrong clock
# can move. After another boot both count from that one. Without WORKDIR/guard nothing is powered off.
set -eu
umask 022
export LC_ALL=C
verb=$1 workdir=$2 lease=$3 hard=$4 interval=$5
shift 5
guard=$workdir/guard

uptime() {
    read -r seconds _ </proc/uptime
    echo "${seconds%%.*}"
}

boot() {
    cat /proc/sys/kernel/random/boot_id
}

renew() {
    mkdir -p "$guard"
    temporary=$(mktemp "$guard/.lease.XXXXXX")
    now=$(uptime)
    echo "$(boot) $((now + lease)) $((now + hard))" >"$temporary"
    mv -f "$temporary" "$guard/lease"
}

# begin: the watcher, in a session of its own, with a copy of this text: the call that starts it ends at once.
begin() {
    temporary=$(mktemp "$guard/.deadman.XXXXXX")
    printf '%s\n' "$text" >"$temporary"
    mv -f "$temporary" "$guard/deadman.sh"
    setsid sh "$guard/deadman.sh" watch "$workdir" "$lease" "$hard" "$interval" "$@" </dev/null >/dev/null 2>&1 &
}

# permitted: whether powering off can work at all. Asked before, when somebody can still be told.
permitted() {
    if [ "$#" -gt 0 ] || [ "$(id -u)" = 0 ]; then
        command -v "${1:-shutdown}" >/dev/null
    else
        sudo -n -l shutdown -h now >/dev/null 2>&1 && unasked
    fi
}

# unasked: sudo lists also what it would want a password for, where another rule of the user's needs none.
unasked() {
    sudo -n -l 2>/dev/null | grep -q 'NOPASSWD:.*\(shutdown\|ALL\)' || sudo -n -v 2>/dev/null
}

off() {
    if [ "$#" -gt 0 ]; then
        "$@"
    elif [ "$(id -u)" = 0 ]; then
        shutdown -h now
    else
        sudo -n shutdown -h now
    fi
}

# number WORD: it is one, so that a damaged file is no arithmetic.
number() {
    case $1 in '' | *[!0-9]*) return 1 ;; esac
}

look() {
    # Nobody ever renewed here: a machine that is being set up, or another workdir than the bot's, where its jobs are not.
    [ -d "$guard" ] || return 0
    now=$(uptime)
    lease_end=$lease hard_end=$hard
    if [ -r "$guard/lease" ] && read -r of until limit <"$guard/lease" && [ "$of" = "$(boot)" ]; then
        if number "$until" && number "$limit"; then
            lease_end=$until hard_end=$limit
        fi
    fi
    [ "$now" -ge "$lease_end" ] || return 0
    if [ "$now" -ge "$hard_end" ] || ! busy; then
        off "$@" || :
    fi
}

busy() {
    process_lives || build_lives || container_lives
}

# process_lives: a supervisor of trainer.jobs that is the very process which wrote its file, in this boot.
process_lives() {
    for keeper in "$workdir"/runs/*/jobs/*/supervisor.json; do
        [ -e "$keeper" ] || continue
        [ ! -e "${keeper%/*}/exit.json" ] || continue
        case $(cat "$keeper") in *"\"$(boot)\""*) ;; *) continue ;; esac
        pid=$(sed -n 's/.*"pid": *\([0-9][0-9]*\).*/\1/p' "$keeper")
        start=$(sed -n 's/.*"start": *"\([0-9][0-9]*\)".*/\1/p' "$keeper")
        # What follows the name in parentheses, which may hold anything: the state is the first word, the start the 20th.
        # shellcheck disable=SC2046
        set -- $(sed 's/.*) //' "/proc/$pid/stat" 2>/dev/null)
        [ "$#" -ge 20 ] || continue
        case $1 in Z | X) continue ;; esac
        shift 19
        [ "$1" != "$start" ] || return 0
    done
    return 1
}

# build_lives: a build of docker.sh holds the lock of its file as long as it lives.
build_lives() {
    for started in "$workdir"/runs/*/jobs/*.build; do
        [ -s "$started" ] && [ ! -e "${started%.build}.exit.json" ] && ! flock -n "$started" true && return 0
    done
    return 1
}

# container_lives: only where docker.sh left a job without its end; an engine that does not answer may hold it still.
container_lives() {
    for started in "$workdir"/runs/*/jobs/*.container; do
        [ -e "$started" ] || continue
        [ ! -e "${started%.container}.exit.json" ] || continue
        living=$(docker container ls --quiet --filter label=stationmaster.uid --filter status=running 2>/dev/null) || return 0
        [ -n "$living" ] && return 0
        return 1
    done
    return 1
}

case $verb in
guard)
    if ! permitted "$@"; then
        echo powerless
        exit 0
    fi
    renew
    # The watcher holds this lock as long as it lives, so that there is one.
    if flock -n "$guard/watcher.lock" true; then
        begin "$@"
    fi
    echo armed
    ;;
watch)
    exec 9>>"$guard/watcher.lock"
    flock -n 9 || exit 0
    while :; do
        sleep "$interval" 9>&-
        # Somebody took the folder away: the next renewal begins anew, and a missing lease is no reason to power off.
        [ -d "$guard" ] || exit 0
        look "$@" || :
    done
    ;;
look) look "$@" ;;
*) exit 64 ;;
esac
