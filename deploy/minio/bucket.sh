#!/bin/sh
# Makes the bucket and the key for it; run again it changes nothing.
set -eu
mc alias set -q here http://minio:9000 root "$MINIO_ROOT_PASSWORD"
mc mb -q --ignore-existing here/audimax
mc admin policy create here audimax /etc/audimax/policy.json
mc admin user add here audimax "$SECRET_KEY"
mc admin policy attach here audimax --user audimax || mc admin policy entities here --user audimax
