// Counts what `operator new` gives: all its forms are replaced in the programs that link this.
#include "allocation_limit.hpp"

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <limits>
#include <new>

#include <malloc.h>

namespace weir_fuzz {

namespace {

constexpr std::int64_t unlimited = std::numeric_limits<std::int64_t>::max();

thread_local std::int64_t in_use = 0; // since the limit was set; below 0 if older memory was freed
thread_local std::int64_t limit = unlimited;

void* allocate(std::size_t bytes, std::size_t alignment) {
  if (limit != unlimited &&
      (bytes > static_cast<std::size_t>(limit) || in_use + static_cast<std::int64_t>(bytes) > limit)) {
    std::fprintf(
        stderr,
        "This does not hold: memory is bounded by the input. %zu bytes are wanted beside %lld; %lld is the limit.\n",
        bytes, static_cast<long long>(in_use), static_cast<long long>(limit));
    std::abort();
  }
  void* memory = alignment <= __STDCPP_DEFAULT_NEW_ALIGNMENT__
                     ? std::malloc(bytes)
                     : std::aligned_alloc(alignment, (bytes + alignment - 1) / alignment * alignment);
  if (memory != nullptr)
    in_use += static_cast<std::int64_t>(::malloc_usable_size(memory));
  return memory;
}

void* allocate_or_throw(std::size_t bytes, std::size_t alignment) {
  if (void* memory = allocate(bytes == 0 ? 1 : bytes, alignment))
    return memory;
  throw std::bad_alloc{};
}

void release(void* memory) {
  if (memory == nullptr)
    return;
  in_use -= static_cast<std::int64_t>(::malloc_usable_size(memory));
  std::free(memory);
}

} // namespace

allocation_limit::allocation_limit(std::size_t bytes) {
  in_use = 0;
  limit = static_cast<std::int64_t>(bytes);
}

allocation_limit::~allocation_limit() {
  limit = unlimited;
}

} // namespace weir_fuzz

using weir_fuzz::allocate;
using weir_fuzz::allocate_or_throw;
using weir_fuzz::release;

namespace {
constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;
}

void* operator new(std::size_t bytes) {
  return allocate_or_throw(bytes, usual);
}
void* operator new[](std::size_t bytes) {
  return allocate_or_throw(bytes, usual);
}
void* operator new(std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment) {
  return allocate_or_throw(bytes, static_cast<std::size_t>(alignment));
}
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes == 0 ? 1 : bytes, usual);
}
void* operator new[](std::size_t bytes, const std::nothrow_t&) noexcept {
  return allocate(bytes == 0 ? 1 : bytes, usual);
}
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(bytes == 0 ? 1 : bytes, static_cast<std::size_t>(alignment));
}
void* operator new[](std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  return allocate(bytes == 0 ? 1 : bytes, static_cast<std::size_t>(alignment));
}

void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::align_val_t) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t, std::align_val_t) noexcept {
  release(memory);
}
void operator delete(void* memory, const std::nothrow_t&) noexcept {
  release(memory);
}
void operator delete[](void* memory, const std::nothrow_t&) noexcept {
  release(memory);
}
void operator delete(void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::align_val_t, const std::nothrow_t&) noexcept {
  release(memory);
}
