#!/bin/sh
# Makes the bucket and the key for it; run again it changes nothing.
set -eu
mc alias set -q here http://minio:9000 root "$MINIO_ROOT_PASSWORD"
mc mb -q --ignore-existing here/audimax
mc admin policy create here audimax /etc/audimax/policy.json
mc admin user add here audimax "$SECRET_KEY"
# The client fails too where the policy is attached already, so what counts is that the server says it is.
mc admin policy attach here audimax --user audimax || true
case "$(mc --json admin policy entities here --user audimax)" in
  *userMappings*) ;;
  *) echo "the key 'audimax' has no policy: it may not use the bucket" >&2; exit 1 ;;
esac
