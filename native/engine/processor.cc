#include "processor.h"

#include <stdexcept>

#if __has_include(<unistd.h>)
#include <unistd.h>
#endif

namespace embedpipe {

extern const Kernels kKernelsPortable;
extern const Products kInt8Portable;
#if defined(EMBEDPIPE_X86)
extern const Kernels kKernelsAvx2, kKernelsAvx512;
extern const Products kInt8Avx2, kInt8AvxVnni, kInt8Avx512, kInt8Avx512Vnni;
extern const Products kBFloat16Avx512;
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
  if (vnni && __builtin_cpu_supports("avx512bf16"))
    found.push_back({"avx512_bf16", &kKernelsAvx512, &kInt8Avx512Vnni, &kBFloat16Avx512});
  if (vnni) found.push_back({"avx512_vnni", &kKernelsAvx512, &kInt8Avx512Vnni, nullptr});
  if (avx512) found.push_back({"avx512", &kKernelsAvx512, &kInt8Avx512, nullptr});
  if (avx2 && __builtin_cpu_supports("avxvnni")) found.push_back({"avx_vnni", &kKernelsAvx2, &kInt8AvxVnni, nullptr});
  if (avx2) found.push_back({"avx2", &kKernelsAvx2, &kInt8Avx2, nullptr});
#endif
  found.push_back({"portable", &kKernelsPortable, &kInt8Portable, nullptr});
  return found;
}

}  // namespace

const Products& InstructionSet::products(const std::string& precision) const {
  if (precision == "float32") return kernels->float32;
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

const InstructionSet& instruction_set_named(const std::string& name) {
  std::string names;
  for (const InstructionSet& set : supported_instruction_sets()) {
    if (name == set.name) return set;
    names += names.empty() ? set.name : std::string(", ") + set.name;
  }
  throw std::invalid_argument("instruction set '" + name + "' is not available here; this processor has: " + names);
}

}  // namespace embedpipe
