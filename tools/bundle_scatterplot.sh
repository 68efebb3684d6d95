#!/bin/sh
# Bundles regl-scatterplot and what it needs into one script, which pages of maps carry; and its licenses.
# usage: tools/bundle_scatterplot.sh (needs npm; from the root of the repository)
set -eu
assets=$PWD/src/embedpipe/plot/assets
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent regl-scatterplot@1.16.0 esbuild@0.28
echo 'export { default as createScatterplot } from "regl-scatterplot";' >entry.js
npx esbuild entry.js --bundle --minify --format=iife --global-name=scatterplot --legal-comments=none --outfile=scatterplot.js
cp scatterplot.js "$assets/scatterplot.js"
for package in regl-scatterplot regl regl-line dom-2d-camera camera-2d-simple gl-matrix pub-sub-es earcut @flekschas/utils; do
  version=$(node -p "require('./node_modules/$package/package.json').version")
  printf '==== %s %s ====\n\n' "$package" "$version"
  cat node_modules/$package/LICENSE*
  printf '\n'
done >"$assets/scatterplot.LICENSES.txt"
