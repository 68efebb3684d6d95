#include <nanobind/stl/string.h>
#include <nanobind/stl/vector.h>

#include <algorithm>
#include <chrono>
#include <mutex>
#include <stdexcept>

#include "bindings.h"
#include "engine/parallel.h"
#include "engine/processor.h"
#include "engine/tile_permission.h"
#include "interpreter_lock.h"

namespace nb = nanobind;

namespace embedpipe::bindings {

namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) { return std::chrono::duration<double>(Clock::now() - start).count(); }

// 10^9 operations a second of `threads` threads that multiply and add in registers only: what no kernel can exceed.
double multiply_add_peak(const std::string& isa, const std::string& precision, int threads) {
  constexpr Index kSteps = 1000;
  constexpr double kSeconds = 0.1;
  const Products& products = instruction_set_named(isa).products(precision);
  double all = 0;
  std::mutex mutex;
  for_each_in_parallel(threads, threads, [&](const auto& next) {
    while (next() >= 0) {
      const auto start = Clock::now();
      double operations = 0, seconds = 0;
      while (seconds < kSeconds) {
        operations += products.multiply_add_loop(kSteps);
        seconds = seconds_since(start);
      }
      const std::lock_guard<std::mutex> lock(mutex);
      all += operations / seconds;
    }
  });
  return all / 1e9;
}

// How many times as fast as float32 a precision multiplies and adds: the best of several short looks at each, in turn,
// a fifth of a millisecond in all. One alone may be disturbed.
double multiply_add_ratio(const std::string& isa, const std::string& precision) {
  constexpr Index kSteps = 2000;
  constexpr int kLooks = 7;
  const InstructionSet& set = instruction_set_named(isa);
  const Products* const both[] = {&set.kernels->float32, &set.products(precision)};
  double best[2] = {};
  for (int look = 0; look < kLooks; ++look) {
    for (int i = 0; i < 2; ++i) {
      const auto start = Clock::now();
      const double operations = both[i]->multiply_add_loop(kSteps);
      best[i] = std::max(best[i], operations / seconds_since(start));
    }
  }
  return best[1] / best[0];
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
  module.def(
      "multiply_add_ratio", &multiply_add_ratio, nb::arg("isa"), nb::arg("precision"), nb::call_guard<LockReleased>(),
      "How many times as fast as float32 a precision multiplies and adds, by a look of a fifth of a millisecond.");
  module.attr("MODEL_ISA") = tile_model().name;
  module.def("tiles_are_permitted", &tiles_are_permitted,
             "Whether the system lends this process AMX's tiles, which it is asked for by the first call.");
}

}  // namespace embedpipe::bindings
