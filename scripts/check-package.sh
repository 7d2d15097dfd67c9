#!/usr/bin/env bash
# Packs the built package, installs it in an empty folder as its user does, and runs it there.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

npm pack --silent --ignore-scripts --pack-destination "$work" >/dev/null
tarball=$(echo "$work"/*.tgz)
tar -tzf "$tarball" >"$work/contents"
for wanted in dist/cli/main.js dist/index.js dist/index.d.ts build/Release/latino.node models/portraits-lcm/model_index.json \
  pages/report/report.html \
  native/sources.txt CMakeLists.txt binding.gyp LICENSE README.md CHANGELOG.md docs/licenses/Inter.txt; do
  grep -qx "package/$wanted" "$work/contents" || { echo "the package lacks $wanted" >&2; exit 1; }
done
if grep -E '^package/(test|src|bench|node_modules|.*/training|native/(bench|emulation|test))/' "$work/contents"; then
  echo "the package holds what no user needs" >&2
  exit 1
fi
if node -e "process.exit(['preinstall', 'install', 'postinstall'].some((name) => require('./package.json').scripts[name]) ? 0 : 1)"; then
  echo "the package has an install script" >&2
  exit 1
fi

app="$work/app"
mkdir "$app"
echo '{"private": true, "type": "module"}' >"$app/package.json"
if ! (cd "$app" && npm install --no-audit --no-fund --ignore-scripts --prefer-offline "$tarball") >"$work/install.log" 2>&1; then
  echo "check-package: no registry answers, so with the dependencies of this checkout"
  mkdir -p "$app/node_modules"
  for module in node_modules/*; do ln -sfn "$PWD/$module" "$app/node_modules/"; done
  mkdir "$app/node_modules/latino-native" "$app/node_modules/.bin"
  tar -xzf "$tarball" -C "$app/node_modules/latino-native" --strip-components 1
  ln -s ../latino-native/dist/cli/main.js "$app/node_modules/.bin/latino-native"
fi
cd "$app"
npx --no-install latino-native doctor
npx --no-install latino-native demo portraits --output demo-output
[ -s demo-output/portraits.png ]
npx --no-install latino-native batch node_modules/latino-native/models/portraits-lcm/samples/00.png --task denoise --sigma 0.1 --steps 1 --out restored
[ -s restored/report.html ]
node -e "import('latino-native').then(({ Latino, superResolution }) => process.exit(typeof Latino.load === 'function' && superResolution({ factor: 8 }) ? 0 : 1))"
echo "check-package: $(du -h "$tarball" | cut -f1) installed and running"
