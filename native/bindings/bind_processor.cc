#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <chrono>
#include <mutex>
#include <stdexcept>

#include "bindings.h"
#include "engine/parallel.h"
#include "engine/processor.h"
#include "interpreter_lock.h"

namespace nb = nanobind;

namespace embedpipe::bindings {

namespace {

// 10^9 operations a second of `threads` threads that multiply and add in registers only: what no kernel can exceed.
double multiply_add_peak(const std::string& isa, const std::string& precision, int threads) {
  constexpr Index kSteps = 10'000'000;
  const Products& products = instruction_set_named(isa).products(precision);
  const auto start = std::chrono::steady_clock::now();
  double operations = 0;
  std::mutex mutex;
  for_each_in_parallel(threads, threads, [&](const auto& next) {
    while (next() >= 0) {
      const double done = products.multiply_add_loop(kSteps);
      const std::lock_guard<std::mutex> lock(mutex);
      operations += done;
    }
  });
  return operations / std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count() / 1e9;
}

}  // namespace

void bind_processor(nb::module_& module) {
  module.def(
      "supported_isas",
      [] {
        std::vector<std::string> names;
        for (const InstructionSet& set : supported_instruction_sets()) names.emplace_back(set.name);
        return names;
      },
      "Instruction sets with kernels that run on this processor, the fastest first.");
  module.def(
      "has_bfloat16", [](const std::string& isa) { return instruction_set_named(isa).bfloat16 != nullptr; },
      nb::arg("isa"), "Whether an instruction set multiplies bfloat16.");
  module.def("multiply_add_peak", &multiply_add_peak, nb::arg("isa"), nb::arg("precision"), nb::arg("threads"),
             nb::call_guard<LockReleased>(),
             "10^9 operations a second of a register-only multiply-add loop on `threads` threads.");
}

}  // namespace embedpipe::bindings
