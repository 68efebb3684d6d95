// Memory of results, kept for the next ones once nobody needs them.
//
// A large block that goes back to the system comes again as pages that the kernel has to clear, and on virtual machines
// the host has to find: up to 6 ms for every 2 MB, a tenth of the time of `hidden_states` with a small model.
#pragma once

#include <cstddef>

namespace embedpipe {

// Floats on a cache line boundary, not filled. What is kept by all together stays below a limit.
class ResultMemory {
 public:
  explicit ResultMemory(std::ptrdiff_t floats);
  ResultMemory(const ResultMemory&) = delete;
  ResultMemory& operator=(const ResultMemory&) = delete;
  ~ResultMemory();

  float* data() { return data_; }

 private:
  float* data_;
  std::ptrdiff_t floats_;
};

std::ptrdiff_t kept_result_floats();  // at present, by nobody's result

}  // namespace embedpipe
