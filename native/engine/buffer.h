// Blocks of floats for packed weights, activations and results.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <utility>

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace embedpipe {

// Memory on a cache line boundary, not filled; std::free gives it back. Large blocks ask for huge pages, since a page
// fault for every 4 KB would cost results a few percent.
inline float* allocate_floats(std::ptrdiff_t floats) {
  constexpr std::size_t kCacheLine = 64, kHugePage = std::size_t{2} << 20;
  const std::size_t bytes = static_cast<std::size_t>(floats) * sizeof(float);
  const std::size_t alignment = bytes >= 2 * kHugePage ? kHugePage : kCacheLine;
  const std::size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* memory = std::aligned_alloc(alignment, rounded > 0 ? rounded : alignment);
  if (memory == nullptr) throw std::bad_alloc();
#if defined(__linux__)
  if (alignment == kHugePage) madvise(memory, rounded, MADV_HUGEPAGE);  // a wish; where refused, pages stay small
#endif
  return static_cast<float*>(memory);
}

// Zero-filled, unless it says otherwise.
class Buffer {
 public:
  Buffer() = default;
  explicit Buffer(std::ptrdiff_t floats) : data_(allocate_floats(floats)), floats_(floats) {
    std::memset(data_, 0, static_cast<std::size_t>(floats) * sizeof(float));
  }
  static Buffer unfilled(std::ptrdiff_t floats) {
    Buffer buffer;
    buffer.data_ = allocate_floats(floats);
    buffer.floats_ = floats;
    return buffer;
  }
  Buffer(Buffer&& other) noexcept
      : data_(std::exchange(other.data_, nullptr)), floats_(std::exchange(other.floats_, 0)) {}
  Buffer& operator=(Buffer&& other) noexcept {
    std::swap(data_, other.data_);
    std::swap(floats_, other.floats_);
    return *this;
  }
  Buffer(const Buffer&) = delete;
  Buffer& operator=(const Buffer&) = delete;
  ~Buffer() { std::free(data_); }

  float* data() { return data_; }
  const float* data() const { return data_; }
  std::ptrdiff_t size() const { return floats_; }

 private:
  float* data_ = nullptr;
  std::ptrdiff_t floats_ = 0;
};

}  // namespace embedpipe
