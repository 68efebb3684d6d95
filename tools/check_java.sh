#!/bin/sh
# Looks for the Java that Spark runs on, and names the command that installs it.
# usage: check_java.sh
java=${JAVA_HOME:+$JAVA_HOME/bin/}java
version=$("$java" -version 2>&1 | sed -n 's/.* version "\(1\.\)\{0,1\}\([0-9]*\).*/\2/p' | head -n 1)
[ "${version:-0}" -ge 17 ] && exit 0
printf 'embedpipe: COULD NOT RUN: Spark needs Java 17 or newer; found %s\n' "${version:-none}" >&2
printf '  Debian, Ubuntu: %s\n  Fedora:         %s\n  macOS:          %s\n' \
  "sudo apt-get install openjdk-17-jdk-headless" "sudo dnf install java-17-openjdk-devel" "brew install openjdk@17" >&2
exit 1
