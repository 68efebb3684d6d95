#include "tile_permission.h"

#if defined(EMBEDPIPE_AMX)
#include <cpuid.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#endif

namespace embedpipe {

#if defined(EMBEDPIPE_AMX)

namespace {

constexpr int kGetSupported = 0x1021, kRequestPermission = 0x1023;  // of arch_prctl, since Linux 5.16
constexpr int kTileConfiguration = 17, kTileData = 18;              // parts of a thread's state

bool processor_has_tiles() {
  constexpr uint32_t kBFloat16 = 1u << 22, kTiles = 1u << 24, kInt8 = 1u << 25, kAll = kBFloat16 | kTiles | kInt8;
  unsigned a, b, c, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (d & kAll) == kAll;
}

}  // namespace

bool tiles_are_known() {
  if (!processor_has_tiles()) return false;
  uint64_t supported = 0;
  if (syscall(SYS_arch_prctl, kGetSupported, &supported) != 0) return false;
  return (supported >> kTileConfiguration & 1) && (supported >> kTileData & 1);
}

bool tiles_are_permitted() {
  static const bool permitted = tiles_are_known() && syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return permitted;
}

#else

bool tiles_are_known() { return false; }
bool tiles_are_permitted() { return false; }

#endif

}  // namespace embedpipe
