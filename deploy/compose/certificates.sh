#!/bin/sh
# Makes the certificates and keys of this one machine, once, into the volume /secrets, after secrets.sh: an authority, a
# certificate for each who speaks TLS, the keys of who vouches for callers, and the folder of whose word counts.
# Certificates last two years; `down --volumes` forgets everything. It needs openssl, which the database's image has.
set -eu
cd "${1:-/secrets}"
host="${2:-postgres}"
broker="${3:-kafka}"
[ -e .certified ] && exit 0

key() { openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out "$1" 2>/dev/null; }

# certificate <folder> <name> <its names and URIs>: tls.crt, tls.key, ca.crt
certificate() {
  mkdir -p "$1"
  key "$1/tls.key"
  printf 'subjectAltName=%s\nkeyUsage=critical,digitalSignature\nextendedKeyUsage=serverAuth,clientAuth\n' "$3" >"$1/extensions"
  openssl req -new -key "$1/tls.key" -subj "/CN=$2" -out "$1/request"
  openssl x509 -req -in "$1/request" -CA authority/ca.crt -CAkey authority/ca.key -CAcreateserial -days 730 \
    -extfile "$1/extensions" -out "$1/tls.crt" 2>/dev/null
  cp authority/ca.crt "$1/ca.crt"
  rm "$1/extensions" "$1/request"
}

# issuer <name> <subjects> <roles> <folder>: its key as <folder>/identity_key, and what its word counts for
issuer() {
  mkdir -p trust "$4"
  key "$4/identity_key"
  public=$(openssl pkey -in "$4/identity_key" -pubout | awk '{printf "%s\\n", $0}')
  printf '{"keys": ["%s"], "subjects": [%s], "roles": [%s], "tenants": ["*"], "workloads": ["%s"]}\n' \
    "$public" "$2" "$3" "$1" >"trust/$1.json"
}

umask 077
mkdir -p authority
key authority/ca.key
openssl req -new -x509 -key authority/ca.key -days 3650 -subj "/CN=receivables of this machine" -out authority/ca.crt \
  -addext keyUsage=critical,keyCertSign,cRLSign
certificate postgres-tls "$host" "DNS:$host,DNS:localhost"
certificate kafka-tls "$broker" "DNS:$broker,DNS:localhost"
cat kafka-tls/tls.key kafka-tls/tls.crt >kafka-tls/broker.pem
certificate operator-tls operator URI:spiffe://receivables/operator
for service in credit invoicing ledger disputes notifications portal; do
  certificate "$service-tls" "$service" "DNS:$service.receivables.internal,URI:spiffe://receivables/$service"
done
buyer='"REQUESTER", "PROCUREMENT", "RECEIVING", "AP_CLERK", "AP_MANAGER", "FINANCE_LEAD", "LEGAL", "EDI_IT", "EXEC_SPONSOR", "ACCOUNT_ADMIN"'
seller='"CREDIT", "BILLING", "CASH_APP", "COLLECTOR", "DISPUTE_OWNER", "SALES", "LOGISTICS", "QUALITY", "SELLER_ADMIN", "AUDITOR"'
issuer portal '"contact:", "user:", "key:", "service:portal"' "$buyer, $seller" portal
issuer operator '"user:"' '"*"' operator-tls
# As the command line reads it (AR_OPERATOR_KEY): whoever runs this machine may do all of a seller's too.
printf '{"issuer": "operator", "subject": "user:operator", "roles": [%s], "tenants": ["*"], "keys": ["%s"]}\n' \
  "\"OPERATOR\", $seller" "$(awk '{printf "%s\\n", $0}' operator-tls/identity_key)" >operator-tls/operator.json
issuer notifications '"service:notifications"' '' notifications
chown -R 10001:10001 ./*-tls notifications portal trust
chown -R 999:999 postgres-tls # as the user of the database's container,
chown -R 1000:1000 kafka-tls  # and of the broker's
: >.certified
