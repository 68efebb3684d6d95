// Lets an extension that is built with glibc 2.32 or newer run with older ones, back to 2.17.
//
// glibc 2.34 moved the functions of libpthread into libc and gave them new versions; the old versions, which mean the
// same functions, are there in all. The linker's --wrap (see CMakeLists.txt) leads every use here, also those in the
// C++ library that is linked in. Only what is used is listed: `make wheel` fails when something new appears.
#include <features.h>

#if defined(__GLIBC__) && (defined(__x86_64__) || defined(__aarch64__))

#include <pthread.h>

#if defined(__x86_64__)
#define OLDEST_VERSION "GLIBC_2.2.5"
#else
#define OLDEST_VERSION "GLIBC_2.17"
#endif
#define BIND_OLDEST(name) __asm__(".symver oldest_" #name ", " #name "@" OLDEST_VERSION)

extern "C" {

// Since 2.32 the C++ library asks here whether it may do without atomic operations. Ours always uses them.
__attribute__((visibility("hidden"))) char __libc_single_threaded = 0;

BIND_OLDEST(pthread_create);
BIND_OLDEST(pthread_join);
BIND_OLDEST(pthread_mutex_trylock);

int oldest_pthread_create(pthread_t*, const pthread_attr_t*, void* (*)(void*), void*);
int oldest_pthread_join(pthread_t, void**);
int oldest_pthread_mutex_trylock(pthread_mutex_t*);

int __wrap_pthread_create(pthread_t* thread, const pthread_attr_t* attributes, void* (*run)(void*), void* argument) {
  return oldest_pthread_create(thread, attributes, run, argument);
}

int __wrap_pthread_join(pthread_t thread, void** result) { return oldest_pthread_join(thread, result); }

int __wrap_pthread_mutex_trylock(pthread_mutex_t* mutex) { return oldest_pthread_mutex_trylock(mutex); }

}  // extern "C"

#endif
