#!/bin/sh
# Makes what compose.yaml mounts as secrets, each in a file of deploy/secrets; what is there stays.
#
#   deploy/secrets.sh [FOLDER]
#
# Files are readable to all, since containers run as users of their own; the folder is not. Replace
# certificate.pem and certificate-key.pem, which are of `localhost` and signed by themselves, with
# your own.
set -eu
folder="${1:-$(dirname "$0")/secrets}"
mkdir -p "$folder"
chmod 700 "$folder"
cd "$folder"

for name in postgres-password s3-key mlflow-admin-password mlflow-forms-key podium-password \
  trainer-password podium-admin-token grafana-password; do
  # Without an end of line: not every program that reads one takes it off.
  [ -e "$name" ] || printf %s "$(openssl rand -hex 24)" > "$name"
done

[ -e s3.json ] || printf '%s' "{\"identities\": [{\"name\": \"mlflow\",
  \"credentials\": [{\"accessKey\": \"mlflow\", \"secretKey\": \"$(cat s3-key)\"}],
  \"actions\": [\"Admin\", \"Read\", \"Write\", \"List\", \"Tagging\"]}]}
" > s3.json

[ -e certificate.pem ] || openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc \
  -days 365 -subj /CN=localhost -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
  -keyout certificate-key.pem -out certificate.pem 2> certificate.log || { cat certificate.log >&2; exit 1; }
rm -f certificate.log
chmod 644 ./*
