#!/bin/sh
# The environment → main.cf's few variable lines, then Postfix takes the place of this shell.
#   POSTFIX_HOSTNAME                  public name of this machine, given in EHLO
#   POSTFIX_MYNETWORKS                who may relay; default: the networks this container is attached to
#   POSTFIX_RELAYHOST                 hand everything to this host ([name]:port) instead of the recipients' MX
#   POSTFIX_TLS_LEVEL                 may | encrypt | dane
#   POSTFIX_MTA_STS                   on | off
#   POSTFIX_DESTINATION_CONCURRENCY   most connections to one destination
set -eu

refuse() {
    echo "postfix: $1" >&2
    exit 64
}

hostname=${POSTFIX_HOSTNAME:-}
case "$hostname" in
    *[!A-Za-z0-9.-]*) refuse "POSTFIX_HOSTNAME '$hostname' is not a host name" ;;
    *?.?*) ;;
    *)
        echo "postfix: POSTFIX_HOSTNAME '$hostname' is no full name; most of the world will refuse mail from it" >&2
        hostname=${hostname:-localhost}.localdomain
        ;;
esac
postconf "myhostname = $hostname"

case "${POSTFIX_MYNETWORKS:-}" in
    "") postconf "mynetworks_style = subnet" ;;
    *0.0.0.0/0* | *::/0*) refuse "POSTFIX_MYNETWORKS would make an open relay" ;;
    *) postconf "mynetworks = 127.0.0.0/8 [::1]/128 $POSTFIX_MYNETWORKS" ;;
esac

case "${POSTFIX_TLS_LEVEL:-may}" in
    may | encrypt) postconf "smtp_tls_security_level = ${POSTFIX_TLS_LEVEL:-may}" ;;
    # DANE means nothing without DNSSEC: the resolver must validate, and resolv.conf must say `options trust-ad`
    dane) postconf "smtp_tls_security_level = dane" "smtp_dns_support_level = dnssec" ;;
    *) refuse "POSTFIX_TLS_LEVEL must be may, encrypt or dane" ;;
esac

# Its policies would override a DANE validation that fails, which RFC 8461 §2 forbids: it is one or the other.
case "${POSTFIX_MTA_STS:-on} ${POSTFIX_TLS_LEVEL:-may}" in
    "on dane" | "off "*) postconf "smtp_tls_policy_maps =" ;;
    "on "*)
        postconf "smtp_tls_policy_maps = socketmap:inet:127.0.0.1:8461:postfix"
        (
            while :; do
                HOME=/nonexistent setpriv --reuid=_mta-sts --regid=_mta-sts --clear-groups \
                    mta-sts-daemon -c /etc/mta-sts-daemon.yml || :
                sleep 1
            done
        ) &
        ;;
    *) refuse "POSTFIX_MTA_STS must be on or off" ;;
esac

case "${POSTFIX_DESTINATION_CONCURRENCY:-10}" in
    *[!0-9]*) refuse "POSTFIX_DESTINATION_CONCURRENCY must be a number" ;;
esac
postconf "relayhost = ${POSTFIX_RELAYHOST:-}" \
    "smtp_destination_concurrency_limit = ${POSTFIX_DESTINATION_CONCURRENCY:-10}"

# The log is renamed at 50 MB; renamed ones stay for a week. What is new is shown on stdout, too.
log=/var/log/postfix/mail.log
touch "$log"
(
    while sleep 60; do
        find "$log" -size +50M -exec postfix logrotate \;
        find /var/log/postfix -name 'mail.log.*' -mtime +7 -delete
    done
) &
tail -n 0 -F "$log" 2>/dev/null &

postfix check
exec "$@"
