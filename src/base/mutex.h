// Locks with clang's thread-safety annotations, so that a build proves who may touch what.
//
// Role:     every class with shared state -> [Mutex, SharedMutex]; `make clang` finds unguarded
//           accesses.
// Threads:  Mutex is not recursive. CondVar wakes are spurious: always wait with a predicate.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <shared_mutex>

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
#define VARVE_ACQUIRE_SHARED(...) VARVE_THREAD_ANNOTATION_(acquire_shared_capability(__VA_ARGS__))
#define VARVE_RELEASE_SHARED(...) VARVE_THREAD_ANNOTATION_(release_shared_capability(__VA_ARGS__))
#define VARVE_RELEASE_GENERIC(...) VARVE_THREAD_ANNOTATION_(release_generic_capability(__VA_ARGS__))
#define VARVE_REQUIRES_SHARED(...) VARVE_THREAD_ANNOTATION_(requires_shared_capability(__VA_ARGS__))
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

// One writer or many readers. Readers that come while a writer waits let it go first, so that a
// stream of readers does not keep it out; so a reader must not take the lock a second time.
class VARVE_CAPABILITY("mutex") SharedMutex {
 public:
  void lock() VARVE_ACQUIRE() {
    turn_.lock();
    mu_.lock();
    turn_.unlock();
  }
  void unlock() VARVE_RELEASE() { mu_.unlock(); }
  void lock_shared() VARVE_ACQUIRE_SHARED() {
    turn_.lock();
    mu_.lock_shared();
    turn_.unlock();
  }
  void unlock_shared() VARVE_RELEASE_SHARED() { mu_.unlock_shared(); }

 private:
  std::mutex turn_;
  std::shared_mutex mu_;
};

class VARVE_SCOPED_CAPABILITY WriterLock {
 public:
  explicit WriterLock(SharedMutex& mu) VARVE_ACQUIRE(mu) : mu_(mu) { mu_.lock(); }
  ~WriterLock() VARVE_RELEASE() { mu_.unlock(); }
  WriterLock(const WriterLock&) = delete;
  WriterLock& operator=(const WriterLock&) = delete;

 private:
  SharedMutex& mu_;
};

class VARVE_SCOPED_CAPABILITY ReaderLock {
 public:
  explicit ReaderLock(SharedMutex& mu) VARVE_ACQUIRE_SHARED(mu) : mu_(mu) { mu_.lock_shared(); }
  ~ReaderLock() VARVE_RELEASE_GENERIC() { mu_.unlock_shared(); }
  ReaderLock(const ReaderLock&) = delete;
  ReaderLock& operator=(const ReaderLock&) = delete;

 private:
  SharedMutex& mu_;
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
