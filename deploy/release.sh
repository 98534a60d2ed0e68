#!/bin/sh
# release.sh FOLDER KEY COMMENT FILE...: puts the files of a release into FOLDER, with
# their sums, and signs the sums by minisign with the secret key in KEY. Who has the public
# key knows by one command that the sums are the maintainers', and by another that the
# files are whole (SECURITY.md).
set -eu

folder=$1 key=$(readlink -m "$2") comment=$3
shift 3
if ! command -v minisign >/dev/null; then
	echo "release: minisign is missing; install first: apt-get install minisign" >&2
	exit 1
fi
if [ ! -r "$key" ]; then
	echo "release: there is no secret key $key; make one once: minisign -G -s $key" >&2
	exit 1
fi
rm -rf "$folder"
mkdir -p "$folder"
cp -p "$@" "$folder/"
cd "$folder"
LC_ALL=C sha256sum -- * >SHA256SUMS
minisign -S -s "$key" -m SHA256SUMS -t "$comment"
echo "release: $folder"
