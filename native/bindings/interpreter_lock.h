// Giving up and taking back the interpreter's lock, so that threads may be computing when the process ends.
#pragma once

#include <Python.h>

#include <chrono>
#include <thread>

namespace embedpipe::bindings {

// Calls take(), which takes the lock. While Python 3.13 or an older one shuts down, it ends every other thread that
// asks for the lock by unwinding the thread's stack. That must not pass functions that are noexcept, such as
// destructors: the process would abort. So the thread waits here for the process to end, as Python 3.14 lets it wait.
// Never inlined, as the compiler would drop the wait inside of such a function.
template <class Take>
[[gnu::noinline]] void take_lock(const Take& take) {
  struct Wait {
    volatile bool unwinding = true;
    ~Wait() {
      while (unwinding) std::this_thread::sleep_for(std::chrono::hours(1));
    }
  } wait;
  take();
  wait.unwinding = false;
}

// Others run Python while this exists.
class LockReleased {
 public:
  LockReleased() : state_(PyEval_SaveThread()) {}
  LockReleased(const LockReleased&) = delete;
  LockReleased& operator=(const LockReleased&) = delete;
  ~LockReleased() {
    take_lock([this] { PyEval_RestoreThread(state_); });
  }

 private:
  PyThreadState* state_;
};

// This thread may call Python while this exists.
class LockHeld {
 public:
  LockHeld() {
    take_lock([this] { state_ = PyGILState_Ensure(); });
  }
  LockHeld(const LockHeld&) = delete;
  LockHeld& operator=(const LockHeld&) = delete;
  ~LockHeld() { PyGILState_Release(state_); }

 private:
  PyGILState_STATE state_;
};

}  // namespace embedpipe::bindings
