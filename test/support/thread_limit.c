// As the system does where a limit on processes is reached: from the LATINO_THREADS-th thread on, counted from when that variable is set, none
// can be started. To be preloaded.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>

typedef int (*Create)(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);

int pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*work)(void*), void* argument) {
  static atomic_int started;
  const char* limit = getenv("LATINO_THREADS");
  if (limit != NULL && atomic_fetch_add(&started, 1) >= atoi(limit)) return EAGAIN;
  return ((Create)dlsym(RTLD_NEXT, "pthread_create"))(thread, attributes, work, argument);
}
