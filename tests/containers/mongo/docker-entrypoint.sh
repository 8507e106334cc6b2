#!/bin/bash
# As the real image does, as far as Sotto relies on it: arguments go to mongod, which runs without
# rights, and an empty data dir gets the root user that MONGO_INITDB_ROOT_USERNAME and
# MONGO_INITDB_ROOT_PASSWORD (or the same with _FILE) name.
set -euo pipefail

[ "${1:0:1}" != - ] || set -- mongod "$@"
[ "$1" = mongod ] || exec "$@"

if [ "$(id -u)" = 0 ]; then
  find /data/db /data/configdb ! -user mongodb -exec chown mongodb {} +
  # Like gosu: it may go on writing where the container's output goes.
  chown --dereference mongodb /proc/$$/fd/1 /proc/$$/fd/2 2>/dev/null || true
  exec setpriv --reuid=mongodb --regid=mongodb --clear-groups -- "$0" "$@"
fi

from_file() {
  local name=$1 file
  file=${name}_FILE
  [ -z "${!file:-}" ] || export "$name=$(<"${!file}")"
  unset "$file"
}
from_file MONGO_INITDB_ROOT_USERNAME
from_file MONGO_INITDB_ROOT_PASSWORD

if [ -n "${MONGO_INITDB_ROOT_USERNAME:-}" ] && [ -n "${MONGO_INITDB_ROOT_PASSWORD:-}" ]; then
  if [ ! -e /data/db/WiredTiger ]; then
    # Alone and unguarded for a moment, heard by nobody else.
    mongod --dbpath /data/db --bind_ip 127.0.0.1 --port 27017 --fork \
      --logpath /data/db/docker-initdb.log --pidfilepath /tmp/mongod.pid >/dev/null
    python3 - <<'PYTHON'
import os
import pymongo

client = pymongo.MongoClient("127.0.0.1", 27017, directConnection=True)
client.admin.command(
    "createUser",
    os.environ["MONGO_INITDB_ROOT_USERNAME"],
    pwd=os.environ["MONGO_INITDB_ROOT_PASSWORD"],
    roles=[{"role": "root", "db": "admin"}],
)
PYTHON
    mongod --dbpath /data/db --shutdown >/dev/null
    rm -f /data/db/docker-initdb.log /tmp/mongod.pid
  fi
  set -- "$@" --auth
fi
unset "${!MONGO_INITDB_@}"

[[ " $* " == *' --bind_ip'* ]] || set -- "$@" --bind_ip_all
exec "$@"
