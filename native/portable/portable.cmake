# Addons that run on older systems than the one that links them: glibc 2.31 (Debian 11) and newer, on x86-64 and arm64.
#
# GCC's library goes into the addon, which exports only what Node asks for, so that it meets no other copy in the process. Functions that glibc has moved into
# libc since then, under new versions, are linked from stand-ins for the libraries that had them: what is recorded is the old version, which every
# glibc has, and the library, which Node has loaded. `scripts/release/check.mjs` says what would be too new.
set(LATINO_OLDEST_GLIBC GLIBC_2.2.5)
if(CMAKE_SYSTEM_PROCESSOR STREQUAL aarch64)
  set(LATINO_OLDEST_GLIBC GLIBC_2.17)
endif()

# latino_stand_in(pthread 0 "GLIBC_2.30 pthread_cond_clockwait"): libpthread.so.0, which is linked and never loaded
function(latino_stand_in library soversion)
  foreach(node ${ARGN})
    separate_arguments(symbols UNIX_COMMAND "${node}")
    list(POP_FRONT symbols version)
    list(JOIN symbols "; " names)
    string(APPEND versions "${version} { ${names}; };\n")
    foreach(symbol ${symbols})
      string(APPEND definitions "extern \"C\" void ${symbol}() {}\n")
    endforeach()
  endforeach()
  set(folder "${PROJECT_BINARY_DIR}/portable")
  file(GENERATE OUTPUT "${folder}/${library}.map" CONTENT "${versions}")
  file(GENERATE OUTPUT "${folder}/${library}.cpp" CONTENT "${definitions}")
  add_library(latino_${library} SHARED "${folder}/${library}.cpp")
  set_target_properties(latino_${library} PROPERTIES OUTPUT_NAME ${library} SOVERSION ${soversion} LIBRARY_OUTPUT_DIRECTORY "${folder}")
  target_link_options(latino_${library} PRIVATE -nostdlib "-Wl,--version-script=${folder}/${library}.map")
endfunction()
latino_stand_in(dl 2 "${LATINO_OLDEST_GLIBC} dladdr dlerror dlopen dlsym")
latino_stand_in(pthread 0 "${LATINO_OLDEST_GLIBC} pthread_create pthread_detach pthread_join pthread_once" "GLIBC_2.30 pthread_cond_clockwait")

# The stand-ins are linked as options: as libraries they would also be where the addon looks when it is loaded.
function(latino_make_portable addon)
  target_sources(${addon} PRIVATE ${PROJECT_SOURCE_DIR}/native/portable/newer_glibc.cpp)
  target_link_options(${addon} PRIVATE -static-libstdc++ -Wl,--gc-sections "-Wl,--version-script=${PROJECT_SOURCE_DIR}/native/portable/addon.map"
                      -Wl,--push-state,--no-as-needed "$<TARGET_FILE:latino_dl>" "$<TARGET_FILE:latino_pthread>" -Wl,--pop-state)
  add_dependencies(${addon} latino_dl latino_pthread)
  set_property(TARGET ${addon} APPEND PROPERTY LINK_DEPENDS "$<TARGET_FILE:latino_dl>" "$<TARGET_FILE:latino_pthread>")
endfunction()
