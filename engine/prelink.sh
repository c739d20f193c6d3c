#!/bin/sh
# Makes of static libraries one object in which only bede_* can be seen, and an archive of it: a
# program that links libbede.a cannot collide with the names inside.
#
# usage: prelink.sh ARCHIVE LIBRARY...
set -eu
archive=$1
shift
object=${archive%.a}.o
ld -r --whole-archive -o "$object" "$@"
objcopy --wildcard --keep-global-symbol='bede_*' "$object"
rm -f "$archive"
ar rcs "$archive" "$object"
