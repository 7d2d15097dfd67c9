#!/usr/bin/env bash
# Unpacks Debian 11's C and C++ libraries into build/debian11/<architecture> (amd64, arm64), once, from the mirror that this machine's apt has, and says where;
# nothing where they are not to be had.
set -euo pipefail
architecture=$1
folder=$PWD/build/debian11/$architecture
if [ ! -e "$folder/.complete" ]; then
  command -v apt-get >/dev/null 2>&1 || exit 0
  mirror=$(apt-get indextargets --format '$(LABEL) $(REPO_URI)' 'Created-By: Packages' 2>/dev/null | sed -n 's/^Debian //p' | head -1)
  [ -n "$mirror" ] || exit 0
  apt=$folder/apt
  mkdir -p "$apt/lists/partial" "$apt/cache/archives/partial"
  echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror bullseye main" >"$apt/sources.list"
  : >"$apt/status" # so that nothing counts as installed
  get() {
    (cd "$apt" && apt-get -qq -o "Dir::State=$apt" -o "Dir::State::status=$apt/status" -o "Dir::State::lists=$apt/lists" -o "Dir::Cache=$apt/cache" \
      -o "Dir::Etc::sourcelist=$apt/sources.list" -o Dir::Etc::sourceparts=- -o "APT::Architecture=$architecture" -o "APT::Architectures=$architecture" \
      -o APT::Sandbox::User=root -o Acquire::Languages=none "$@") >"$apt/log" 2>&1
  }
  get update || exit 0
  get download libc6 libstdc++6 libgcc-s1 || exit 0
  for package in "$apt"/*.deb; do dpkg-deb -x "$package" "$folder"; done
  rm -rf "$apt" "${folder:?}/usr/share" "${folder:?}/lib64" # links there point out of the folder
  touch "$folder/.complete"
fi
echo "$folder"
