#!/bin/bash
# Healthy: the SMTP port greets. Says goodbye as RFC 5321 asks, so that the log has no "lost connection".
exec 3<>/dev/tcp/127.0.0.1/25 || exit 1
read -t 5 -r greeting <&3
printf 'QUIT\r\n' >&3
[[ $greeting == 220\ * ]]
