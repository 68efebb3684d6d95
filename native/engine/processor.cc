#include "processor.h"

#include "tile_permission.h"

#include <stdexcept>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace embedpipe {

extern const Kernels kKernelsPortable;
extern const Products kInt8Portable, kInt8ModelPortable, kBFloat16ModelPortable;
#if defined(EMBEDPIPE_X86)
extern const Kernels kKernelsAvx2, kKernelsAvx512;
extern const Products kInt8Avx2, kInt8AvxVnni, kInt8Avx512, kInt8Avx512Vnni, kInt8Avx512Bf16;
extern const Products kBFloat16Avx512;
extern const Products kInt8ModelAvx2, kBFloat16ModelAvx2, kInt8ModelAvx512, kBFloat16ModelAvx512;
#endif
#if defined(EMBEDPIPE_AMX)
extern const Products kInt8Amx, kBFloat16Amx;
#endif

namespace {

std::vector<InstructionSet> detect() {
  std::vector<InstructionSet> found;
#if defined(EMBEDPIPE_X86)
  __builtin_cpu_init();
  const bool avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  const bool avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
                      __builtin_cpu_supports("avx512dq") && __builtin_cpu_supports("avx512vl");
  const bool vnni = avx512 && __builtin_cpu_supports("avx512vnni");
  const bool bf16 = vnni && __builtin_cpu_supports("avx512bf16");
#if defined(EMBEDPIPE_AMX)
  if (bf16 && tiles_are_known()) found.push_back({"amx", &kKernelsAvx512, &kInt8Amx, &kBFloat16Amx, true});
#endif
  if (bf16) found.push_back({"avx512_bf16", &kKernelsAvx512, &kInt8Avx512Bf16, &kBFloat16Avx512});
  if (vnni) found.push_back({"avx512_vnni", &kKernelsAvx512, &kInt8Avx512Vnni, nullptr});
  if (avx512) found.push_back({"avx512", &kKernelsAvx512, &kInt8Avx512, nullptr});
  if (avx2 && __builtin_cpu_supports("avxvnni")) found.push_back({"avx_vnni", &kKernelsAvx2, &kInt8AvxVnni, nullptr});
  if (avx2) found.push_back({"avx2", &kKernelsAvx2, &kInt8Avx2, nullptr});
#endif
  found.push_back({"portable", &kKernelsPortable, &kInt8Portable, nullptr});
  return found;
}

InstructionSet model_beside(const Kernels* kernels) {
#if defined(EMBEDPIPE_X86)
  if (kernels == &kKernelsAvx512) return {"amx_model", kernels, &kInt8ModelAvx512, &kBFloat16ModelAvx512};
  if (kernels == &kKernelsAvx2) return {"amx_model", kernels, &kInt8ModelAvx2, &kBFloat16ModelAvx2};
#endif
  return {"amx_model", kernels, &kInt8ModelPortable, &kBFloat16ModelPortable};
}

}  // namespace

const Products& InstructionSet::products(const std::string& precision) const {
  if (precision == "float32") return kernels->float32;
  if (tiles && !tiles_are_permitted()) throw std::invalid_argument("the system does not permit tiles");
  if (precision == "int8") return *int8;
  if (precision == "bfloat16" && bfloat16 != nullptr) return *bfloat16;
  throw std::invalid_argument("precision '" + precision + "' is not available with instruction set '" + name + "'");
}

Index second_level_cache() {
  long bytes = 0;
#if defined(_SC_LEVEL2_CACHE_SIZE)
  bytes = sysconf(_SC_LEVEL2_CACHE_SIZE);
#endif
  return bytes > 0 ? static_cast<Index>(bytes) : Index{1} << 20;
}

const std::vector<InstructionSet>& supported_instruction_sets() {
  static const std::vector<InstructionSet> found = detect();
  return found;
}

const InstructionSet& tile_model() {
  static const InstructionSet model = model_beside(supported_instruction_sets().front().kernels);
  return model;
}

const InstructionSet& instruction_set_named(const std::string& name) {
  if (name == tile_model().name) return tile_model();
  std::string names;
  for (const InstructionSet& set : supported_instruction_sets()) {
    if (name == set.name) return set;
    names += names.empty() ? set.name : std::string(", ") + set.name;
  }
  throw std::invalid_argument("instruction set '" + name + "' is not available here; this processor has: " + names);
}

}  // namespace embedpipe
