// Shares numbered work among threads: whoever is free takes the next number, and nobody waits but at the end.
#pragma once

#include <atomic>
#include <cstddef>
#include <exception>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

namespace embedpipe {

// Calls work(next) on up to `threads` threads, the caller's among them; next() gives 0 .. count - 1, each once, then
// -1. The first exception of any thread stops the handing out and is rethrown here. On the caller's thread, next()
// calls poll() first, which may throw to stop everything. Threads live for this call only, so that a process may fork
// or exit between calls; where the system refuses one, those that there are do the work.
template <class Work, class Poll>
void for_each_in_parallel(std::ptrdiff_t count, int threads, const Work& work, const Poll& poll) {
  std::atomic<std::ptrdiff_t> taken{0};
  std::exception_ptr failure;
  std::mutex failure_mutex;
  const auto next = [&]() -> std::ptrdiff_t {
    const std::ptrdiff_t i = taken.fetch_add(1);
    return i < count ? i : -1;
  };
  const auto polling_next = [&]() -> std::ptrdiff_t {
    poll();
    return next();
  };
  const auto run = [&](const auto& take) {
    try {
      work(take);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(failure_mutex);
      if (!failure) failure = std::current_exception();
      taken = count;
    }
  };
  std::vector<std::thread> helpers;
  for (std::ptrdiff_t i = 1; i < threads && i < count; ++i) {
    try {
      helpers.emplace_back([&] { run(next); });
    } catch (const std::system_error&) {
      break;
    }
  }
  run(polling_next);
  for (std::thread& helper : helpers) helper.join();
  if (failure) std::rethrow_exception(failure);
}

// A mutex that is held for microseconds, locked, or not locked after a thousand times that: after a fork it may stay
// locked by a thread that the child does not have.
inline std::unique_lock<std::mutex> lock_soon(std::mutex& mutex) {
  constexpr int kTries = 2000;
  std::unique_lock<std::mutex> lock(mutex, std::try_to_lock);
  for (int i = 0; i < kTries && !lock; ++i) {
    std::this_thread::yield();
    lock.try_lock();
  }
  return lock;
}

// Where the members of a team wait for each other. They spin, since they wait for microseconds, and give way to others
// after a while.
class Barrier {
 public:
  explicit Barrier(int members) : members_(members) {}

  void wait() {
    const int round = round_.load(std::memory_order_acquire);
    if (arrived_.fetch_add(1, std::memory_order_acq_rel) + 1 == members_) {
      arrived_.store(0, std::memory_order_relaxed);
      round_.store(round + 1, std::memory_order_release);
      return;
    }
    constexpr int kPatience = 2000;
    for (int spins = 0; round_.load(std::memory_order_acquire) == round; ++spins) {
      if (spins > kPatience) std::this_thread::yield();
    }
  }

 private:
  const int members_;
  std::atomic<int> arrived_{0}, round_{0};
};

// Calls work(member, barrier, members) at the same time on up to `threads` threads, the caller's being member 0: all of
// them are there, so that they may wait for each other. Work must not throw.
template <class Work>
void run_as_team(int threads, const Work& work) {
  std::atomic<int> size{0};
  std::optional<Barrier> barrier;
  std::vector<std::thread> helpers;
  for (int i = 1; i < threads; ++i) {
    try {
      helpers.emplace_back([&, i] {
        while (size.load(std::memory_order_acquire) == 0) std::this_thread::yield();
        work(i, *barrier, size.load());
      });
    } catch (const std::system_error&) {
      break;
    }
  }
  const int members = static_cast<int>(helpers.size()) + 1;
  barrier.emplace(members);
  size.store(members, std::memory_order_release);
  work(0, *barrier, members);
  for (std::thread& helper : helpers) helper.join();
}

template <class Work>
void for_each_in_parallel(std::ptrdiff_t count, int threads, const Work& work) {
  for_each_in_parallel(count, threads, work, [] {});
}

}  // namespace embedpipe
