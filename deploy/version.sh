#!/bin/sh
# Prints the version of what is checked out, such that apt takes a later one for
# an upgrade and never for a downgrade:
#
#	1.2.0                                    at the tag v1.2.0
#	1.2.0~rc1                                at the tag v1.2.0-rc1: before 1.2.0
#	1.2.0+12.20261128045144.ga8a6320         12 commits after v1.2.0
#	1.2.0+12.20261128045144.ga8a6320+dirty   and something that is not committed
#	0.1.0~245.20261128045144.ga8a6320        before there is a tag: the 245th commit
#	0.1.0~0.20261128045144.ga8a6320          its number is not known: a shallow clone
#
# The count of commits decides, then the commit's time (UTC); the commit's name is
# there to be read and decides nothing between commits of different times.
set -eu

if ! hash=$(git rev-parse --short=7 HEAD 2>/dev/null); then
	echo "0.1.0~0"
	exit
fi
date=$(TZ=UTC0 git log -1 --format=%cd --date=format-local:%Y%m%d%H%M%S)
dirty=
git update-index -q --refresh >/dev/null 2>&1 || true
git diff-index --quiet HEAD -- || dirty=+dirty

if described=$(git describe --tags --long --match 'v[0-9]*' 2>/dev/null); then
	described=${described%-g*}
	count=${described##*-}
	tag=${described%-*}
	# Where the last candidate became the release, its commit has both tags.
	base=$(git tag --points-at "$tag^{commit}" --list 'v[0-9]*' | sed 's/^v//; s/-/~/; s/-/./g' | LC_ALL=C sort -V | tail -n 1)
	if [ "$count" = 0 ] && [ -z "$dirty" ]; then
		echo "$base"
	else
		echo "$base+$count.$date.g$hash$dirty"
	fi
elif [ "$(git rev-parse --is-shallow-repository)" = true ]; then
	echo "0.1.0~0.$date.g$hash$dirty"
else
	echo "0.1.0~$(git rev-list --count HEAD).$date.g$hash$dirty"
fi
