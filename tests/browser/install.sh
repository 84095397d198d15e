#!/bin/sh
# Installs Debian's light Chromium for the browser tests where that is allowed, else finds another; never fails.
light=chromium-headless-shell
command -v $light >/dev/null && exit 0
if command -v apt-get >/dev/null; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo -n"
    $sudo apt-get update -q >/dev/null 2>&1
    $sudo apt-get install -y -q --no-install-recommends $light >/dev/null 2>&1 && exit 0
fi
for name in chromium chromium-browser google-chrome; do
    command -v "$name" >/dev/null && exit 0
done
echo "No Chromium found and none could be installed: the browser tests will be skipped."
