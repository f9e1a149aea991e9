#!/bin/sh
set -e
[ "$0" = /entrypoint.sh ]
[ "$(id -u):$(id -g)" = 0:0 ]
echo "entered as $0" > /entered
