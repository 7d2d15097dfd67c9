{
  "variables": {
    "latino_march%": "x86-64-v3",
    "latino_optimization%": "3"
  },
  "targets": [
    {
      "target_name": "latino",
      "sources": ["<!@(node -p \"require('fs').readFileSync('native/sources.txt', 'utf8')\")"],
      "include_dirs": ["native", "<!(node -p \"require('node-addon-api').include_dir\")"],
      "defines": ["NAPI_VERSION=8", "NODE_ADDON_API_CPP_EXCEPTIONS", "NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS"],
      "cflags!": ["-fno-exceptions"],
      "cflags_cc!": ["-fno-exceptions", "-fno-rtti", "-std=gnu++17", "-std=gnu++14"],
      "cflags_cc": ["-std=c++20", "-O<(latino_optimization)", "-Wall", "-Wextra"],
      "conditions": [
        ["target_arch=='x64'", { "cflags_cc": ["-march=<(latino_march)"] }],
        ["OS=='linux'", { "cflags_cc": ["-Wno-restrict", "-Wno-psabi", "<!@(pkg-config --cflags-only-I eigen3 | sed s/-I/-isystem/g)"] }],
        ["OS=='mac'", { "include_dirs": ["<!@(pkg-config --cflags-only-I eigen3 | sed s/-I//g)"], "xcode_settings": { "GCC_ENABLE_CPP_EXCEPTIONS": "YES", "CLANG_CXX_LANGUAGE_STANDARD": "c++20" } }],
        ["OS=='win'", { "sources": ["<!(node -e \"console.error('latino-native does not support Windows: expected Linux or macOS'); process.exit(1)\")"] }]
      ]
    }
  ]
}
