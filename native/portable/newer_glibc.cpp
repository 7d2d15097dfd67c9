// What GCC's library takes from glibc and glibc 2.31 does not have, for portable addons alone (portable.cmake).
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

extern "C" {

// Whether counts of references need no atomics: in Node, which has threads, they do.
extern char __libc_single_threaded;
char __libc_single_threaded = 0;

// Until 2.33 every program had its own. glibc's structure is the kernel's, on x86-64 and on arm64.
int stat(const char* path, void* status) { return static_cast<int>(syscall(SYS_newfstatat, AT_FDCWD, path, status, 0)); }

int fstat64(int file, void* status) { return static_cast<int>(syscall(SYS_fstat, file, status)); }

}  // extern "C"
