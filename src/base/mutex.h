// Locks with clang's thread-safety annotations, so that a build proves who may touch what.
//
// Role:     every class with shared state -> [Mutex]; `make clang` refuses an unguarded access.
// Threads:  Mutex is not recursive. CondVar wakes are spurious: always wait with a predicate.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#if defined(__clang__)
#define VARVE_THREAD_ANNOTATION_(x) __attribute__((x))
#else
#define VARVE_THREAD_ANNOTATION_(x)
#endif

#define VARVE_CAPABILITY(x) VARVE_THREAD_ANNOTATION_(capability(x))
#define VARVE_SCOPED_CAPABILITY VARVE_THREAD_ANNOTATION_(scoped_lockable)
#define VARVE_GUARDED_BY(x) VARVE_THREAD_ANNOTATION_(guarded_by(x))
#define VARVE_PT_GUARDED_BY(x) VARVE_THREAD_ANNOTATION_(pt_guarded_by(x))
#define VARVE_REQUIRES(...) VARVE_THREAD_ANNOTATION_(requires_capability(__VA_ARGS__))
#define VARVE_EXCLUDES(...) VARVE_THREAD_ANNOTATION_(locks_excluded(__VA_ARGS__))
#define VARVE_ACQUIRE(...) VARVE_THREAD_ANNOTATION_(acquire_capability(__VA_ARGS__))
#define VARVE_RELEASE(...) VARVE_THREAD_ANNOTATION_(release_capability(__VA_ARGS__))
#define VARVE_ACQUIRED_BEFORE(...) VARVE_THREAD_ANNOTATION_(acquired_before(__VA_ARGS__))
#define VARVE_ACQUIRED_AFTER(...) VARVE_THREAD_ANNOTATION_(acquired_after(__VA_ARGS__))
#define VARVE_NO_THREAD_SAFETY_ANALYSIS VARVE_THREAD_ANNOTATION_(no_thread_safety_analysis)

namespace varve {

class VARVE_CAPABILITY("mutex") Mutex {
 public:
  void lock() VARVE_ACQUIRE() { mu_.lock(); }
  void unlock() VARVE_RELEASE() { mu_.unlock(); }

 private:
  friend class CondVar;
  std::mutex mu_;
};

class VARVE_SCOPED_CAPABILITY MutexLock {
 public:
  explicit MutexLock(Mutex& mu) VARVE_ACQUIRE(mu) : mu_(mu) { mu_.lock(); }
  ~MutexLock() VARVE_RELEASE() { mu_.unlock(); }
  MutexLock(const MutexLock&) = delete;
  MutexLock& operator=(const MutexLock&) = delete;

 private:
  Mutex& mu_;
};

class CondVar {
 public:
  // Releases `mu`, sleeps until notified and `done()` is true, holds `mu` again on return.
  template <typename Predicate>
  void Wait(Mutex& mu, Predicate done) VARVE_REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    cv_.wait(lock, done);
    lock.release();
  }

  // The same with a limit; returns what `done()` says at the end.
  template <typename Rep, typename Period, typename Predicate>
  bool WaitFor(Mutex& mu, std::chrono::duration<Rep, Period> limit, Predicate done)
      VARVE_REQUIRES(mu) {
    std::unique_lock<std::mutex> lock(mu.mu_, std::adopt_lock);
    const bool result = cv_.wait_for(lock, limit, done);
    lock.release();
    return result;
  }

  void NotifyOne() { cv_.notify_one(); }
  void NotifyAll() { cv_.notify_all(); }

 private:
  std::condition_variable cv_;
};

}  // namespace varve
