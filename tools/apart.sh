#!/usr/bin/env bash
# Puts Debian packages and all they need into a folder of their own: no root, nothing else on the machine changes.
# Usage: tools/apart.sh NAME SUITE PACKAGE[:PROGRAM...]...      SUITE "-" is the machine's own.
#
# The programs named after a package's colon get a starter in FOLDER/bin, which runs them with the folder's own
# loader and libraries. Says so and leaves with 1 where it can't be done (no Debian, another processor, no mirror).
set -euo pipefail
name=${1:?usage: tools/apart.sh NAME SUITE PACKAGE[:PROGRAM...]...} suite=${2:?} && shift 2
home=${VOIP_SMS_PEERS:-${XDG_CACHE_HOME:-$HOME/.cache}/voip-sms}
folder=$home/$name
wanted="$suite $* $(sha256sum "$0" | cut -c1-16)"

[[ -f $folder/.made && $(<"$folder/.made") == "$wanted" ]] && exit 0

fail() { echo "no $name: $1" >&2 && exit 1; }

command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null || fail "that needs Debian's apt-get and dpkg-deb"
[[ $(dpkg --print-architecture) == amd64 ]] || fail "only tried on amd64"
keys=/usr/share/keyrings/debian-archive-keyring.gpg
[[ -f $keys ]] || fail "no $keys; on Debian: apt-get install debian-archive-keyring"

# The machine's own mirror, as its apt has it: the first that is no security archive.
read -r mirror own < <(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' 'Component: main' |
    grep -v -- -security | head -1 || true) || true
[[ -n ${mirror:-} ]] || fail "apt knows no mirror of Debian here"
[[ $suite == - ]] && suite=$own

# Made beside its place and moved there whole: an interrupted run leaves nothing half made.
mkdir -p "$home"
work=$(mktemp -d "$home/.$name.XXXXXX")
trap 'rm -rf "$work"' EXIT
mkdir -p "$work"/apt/{lists,archives}/partial "$work/root" "$work/bin"
touch "$work/apt/status"
echo "deb [signed-by=$keys] $mirror $suite main" >"$work/apt/sources.list"
apart() {
    apt-get -qq -o Dir::State="$work/apt" -o Dir::State::lists="$work/apt/lists" \
        -o Dir::State::status="$work/apt/status" -o Dir::Cache="$work/apt" \
        -o Dir::Etc::sourcelist="$work/apt/sources.list" -o Dir::Etc::sourceparts=- \
        -o Acquire::Check-Valid-Until=false -o Acquire::Languages=none -o APT::Sandbox::User= \
        -o APT::Install-Recommends=false -o Debug::NoLocking=1 "$@"
}

echo "fetching $name (Debian $suite) into $folder"
apart update >"$work/log" 2>&1 || fail "$(tail -3 "$work/log")"
apart --download-only --yes install "${@%%:*}" >"$work/log" 2>&1 || fail "$(tail -3 "$work/log")"
for package in "$work"/apt/archives/*.deb; do
    dpkg-deb -x "$package" "$work/root"
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
        place=$(cd "$work/root" && find usr/sbin usr/bin sbin bin -name "$program" 2>/dev/null | head -1)
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
rm -rf "$folder"
mv "$work" "$folder"
trap - EXIT
chmod 755 "$folder"
