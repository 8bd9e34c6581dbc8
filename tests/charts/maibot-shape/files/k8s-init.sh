# Start of core in a pod: what a volume cannot mount by itself becomes a link.
set -e
cd /MaiMBot
mkdir -p data/plugins data/logs

if [ -d statistics ]; then
  touch statistics/index.html
  ln -sfn statistics/index.html maibot_statistics.html
fi

rm -rf plugins logs
ln -s data/plugins plugins
ln -s data/logs logs

# Becomes process 1, so that signals reach the program.
exec python bot.py
