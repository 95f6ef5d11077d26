#!/bin/sh
# Brings the programs that tests/deploy need and this machine lacks, from Debian's packages, into FOLDER.
# They are unpacked and not installed: no service starts, and nobody has to be root for it.
#
#   sh tests/deploy/programs.sh FOLDER
set -eu
mkdir -p "$1"
folder="$(cd "$1" && pwd)"
PATH="$folder/usr/bin:$folder/usr/sbin:$PATH:/usr/sbin"

bring() {  # PROGRAM PACKAGE
  command -v "$1" > /dev/null && return
  echo "Bringing $1 ..."
  place="$(mktemp -d)"
  (
    cd "$place"
    apt-get download -qq "$2" 2> log || { apt-get update -qq && apt-get download -qq "$2"; } || { cat log >&2; exit 1; }
    dpkg-deb --extract "$2"_*.deb "$folder"
  )
  rm -r "$place"
}

bring promtool prometheus
bring prometheus prometheus
bring nginx nginx
# One of 1.21 or later: Debian 12's own is older, and does not build these kustomizations.
bring kubectl kubernetes-client
