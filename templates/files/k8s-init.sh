#!/bin/sh
# Starts core. MaiBot keeps its plugins, its log and its statistics page in the program's own folder, which is gone
# with the container; here they are moved onto volumes by symbolic links, because one volume cannot be mounted at
# several places file by file. Then this shell becomes the program, so that signals reach it.
#
# Runs in the image's working directory, under dash. Safe to run again in the same container.
set -eu

fail() {
    echo "k8s-init: $1" >&2
    exit 1
}

# link NAME TARGET: makes NAME a symbolic link to TARGET, in place of whatever the image has there.
link() {
    if [ ! -L "$1" ]; then
        rm -rf "$1" || fail "cannot remove $PWD/$1"
    fi
    ln -sfn "$2" "$1" || fail "cannot link $PWD/$1 to $2"
}

[ -f bot.py ] || cd /MaiMBot || fail "no /MaiMBot in this image"
[ -f bot.py ] || fail "no bot.py in $PWD: this is not an image of MaiBot 0.x"

# The kubelet makes an empty folder where a file of a volume is to be mounted and is missing.
for file in .env config/bot_config.toml config/model_config.toml; do
    [ ! -d "$file" ] || fail "$PWD/$file is a folder: the file is missing on its volume, run \`maibot install\` or \`maibot upgrade\` again"
done

mkdir -p data/plugins data/logs
link plugins "$PWD/data/plugins"
link logs "$PWD/data/logs"

# The statistics page, if a volume for it is mounted. It has to exist before the web server looks for it.
if [ -d statistics ]; then
    [ -e statistics/index.html ] || : > statistics/index.html
    link maibot_statistics.html "$PWD/statistics/index.html"
fi

# With the whole configuration folder mounted, .env lies among the other files; MaiBot reads it from here.
if [ -f config/.env ] && [ ! -f .env ]; then
    link .env "$PWD/config/.env"
fi

exec python bot.py
