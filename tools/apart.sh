#!/usr/bin/env bash
# Puts Debian packages and all they need into a folder of their own: no root, nothing else on the machine changes.
# Usage: tools/apart.sh NAME SUITE PACKAGE[:PROGRAM...]...      SUITE "-" is the machine's own.
#
# The programs named after a package's colon get a starter in FOLDER/bin, which runs them with the folder's own
# loader and libraries. Says so and leaves with 1 where it can't be done (no Debian, another processor, no mirror);
# what an earlier run fetched stays until all of the new is there.
set -euo pipefail
name=${1:?usage: tools/apart.sh NAME SUITE PACKAGE[:PROGRAM...]...} suite=${2:?} && shift 2

# Part of the stamp: another number, and everybody fetches anew.
recipe=2
# Seconds: a mirror that says nothing, and the whole of one call of apt (80 MB over a slow line).
silence=15 patience=600

fail() {
    echo "no $name: $1" >&2
    [[ ! -d ${folder:-} ]] || echo "(what was fetched earlier stays: $folder)" >&2
    exit 1
}

own_home=${HOME:-$(getent passwd "$(id -u)" 2>/dev/null | cut -d: -f6 || true)}
home=${VOIP_SMS_PEERS:-${XDG_CACHE_HOME:-${own_home:-/nonexistent}/.cache}/voip-sms}
folder=$home/$name
wanted="$suite $* $recipe"
made() { [[ -f $folder/.made && $(<"$folder/.made") == "$wanted" ]]; }

made && exit 0

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "that needs Debian's apt-get and dpkg-deb"
[[ $(dpkg --print-architecture) == amd64 ]] || fail "only tried on amd64"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -f $keys ]] || fail "no $keys; on Debian: apt-get install debian-archive-keyring"
mkdir -p "$home" 2>/dev/null && [[ -w $home ]] || fail "$home can't be written; VOIP_SMS_PEERS names another folder"

# Two runs at once: the second waits, and finds it made.
exec {lock}>"$home/.$name.lock"
flock -w "$patience" "$lock" || fail "another run has been fetching it for $patience s"
made && exit 0

# The machine's own mirror and suite, from what its apt would fetch: that is known before the first `update`, too.
# Not an archive of updates alone; one that is called debian before those of others.
found=$(apt-get --print-uris update 2>/dev/null | sed -nE "s|^'(.*)/dists/([^/]*)/InRelease' .*|\1 \2|p" |
    grep -vE -- '-(security|updates|backports)' | awk '!first { first = $0 } $1 ~ "/debian/?$" && !ours { ours = $0 }
        END { print ours ? ours : first }') || true
read -r mirror own <<<"$found"
[[ -n ${mirror:-} ]] || fail "apt knows no mirror of Debian here"
[[ $suite == - ]] && suite=$own

# Made beside its place and moved there whole: an interrupted run leaves nothing half made.
work=$(mktemp -d "$home/.$name.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/apt/{lists,archives}/partial "$work/root" "$work/bin"
touch "$work/apt/status"
echo "deb [signed-by=$keys] $mirror $suite main" >"$work/apt/sources.list"
# Its own lists, its own idea of what is installed (nothing).
apart() {
    LC_ALL=C timeout "$patience" apt-get -qq -o Dir::State="$work/apt" -o Dir::State::lists="$work/apt/lists" \
        -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt" \
        -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o APT::Sandbox::User= \
        -o Acquire::Retries=1 -o Acquire::http::Timeout="$silence" -o Acquire::https::Timeout="$silence" \
        -o APT::Update::Error-Mode=any \
        -o APT::Install-Recommends=false -o Debug::NoLocking=1 "$@" </dev/null >"$work/log" 2>&1 ||
        fail "$mirror $suite: $(grep '^E:' "$work/log" | head -1 || tail -1 "$work/log")"
}

echo "fetching $name (Debian $suite) into $folder"
apart update
apart --download-only --yes install "${@%%:*}"
for package in "$work"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$work/root" || fail "$(basename "$package") can't be unpacked"
done
# Where /lib is a link in newer suites, packages no longer bring it.
for old in lib lib64 bin sbin; do
    [[ -e $work/root/$old || ! -d $work/root/usr/$old ]] || ln -s "usr/$old" "$work/root/$old"
done

loader=$(cd "$work/root" && find . -name 'ld-linux-x86-64.so.2' | head -1)
[[ -n $loader ]] || fail "no loader among its packages"
for one in "$@"; do
    for program in $(tr : ' ' <<<"${one#*:}"); do
        [[ $one == *:* ]] || continue
        place=$(cd "$work/root" && { find usr/sbin usr/bin sbin bin -name "$program" 2>/dev/null || true; } | head -1)
        [[ -n $place ]] || fail "no $program among its packages"
        cat >"$work/bin/$program" <<STARTER
#!/bin/sh
# Made by tools/apart.sh: $program of Debian $suite, with the libraries that it came with.
root=\$(cd "\$(dirname "\$0")/../root" && pwd)
export ESPEAK_DATA_PATH="\$root/usr/lib/x86_64-linux-gnu"
exec "\$root/${loader#./}" --argv0 "$program" --library-path \\
    "\$root/usr/lib/x86_64-linux-gnu:\$root/lib/x86_64-linux-gnu:\$root/usr/lib/x86_64-linux-gnu/pulseaudio" "\$root/$place" "\$@"
STARTER
        chmod 755 "$work/bin/$program"
    done
done
rm -rf "$work/apt" "$work/log"
printf '%s\n' "$wanted" >"$work/.made"
chmod 755 "$work"
rm -rf "$folder"
mv -T "$work" "$folder"
trap - EXIT
