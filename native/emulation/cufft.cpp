// The part of cuFFT that the library uses: batches of real planes, in float32, in memory that they are lent.
#include <cufft.h>

#include <complex>
#include <cstring>
#include <map>
#include <memory>
#include <unsupported/Eigen/FFT>
#include <vector>

#include "emulation/fault.h"
#include "emulation/world.h"

using namespace latino::emulation;

namespace {

using Complex = std::complex<float>;

struct Plan {
  cufftType type{};
  std::size_t planes = 0, height = 0, width = 0;
  std::size_t half() const { return width / 2 + 1; }
  std::size_t realBytes() const { return planes * height * width * sizeof(float); }
  std::size_t complexBytes() const { return planes * height * half() * sizeof(Complex); }
  std::size_t workBytes() const { return planes * height * sizeof(Complex); }

  void* work = nullptr;
  cudaStream_t stream = nullptr;
};

std::map<cufftHandle, Plan>& plans() {
  static auto* const all = std::make_unique<std::map<cufftHandle, Plan>>().release();  // threads may outlive what is static
  return *all;
}

/// Transforms of the lines of a plane [lines, length], `stride` numbers from one to the next within a line.
void transform(Complex* numbers, std::size_t lines, std::size_t betweenLines, std::size_t length, std::size_t stride, bool isForward) {
  if (length == 1) return;
  Eigen::FFT<float> fft;
  fft.SetFlag(Eigen::FFT<float>::Unscaled);
  std::vector<Complex> from(length), to(length);
  for (std::size_t line = 0; line < lines; ++line) {
    for (std::size_t i = 0; i < length; ++i) from[i] = numbers[line * betweenLines + i * stride];
    if (isForward)
      fft.fwd(to.data(), from.data(), static_cast<int>(length));
    else
      fft.inv(to.data(), from.data(), static_cast<int>(length));
    for (std::size_t i = 0; i < length; ++i) numbers[line * betweenLines + i * stride] = to[i];
  }
}

void forward(const Plan& plan, const float* x, Complex* spectrum) {
  std::vector<Complex> rows(plan.height * plan.width);
  for (std::size_t p = 0; p < plan.planes; ++p, x += plan.height * plan.width, spectrum += plan.height * plan.half()) {
    std::copy(x, x + rows.size(), rows.begin());
    transform(rows.data(), plan.height, plan.width, plan.width, 1, true);
    for (std::size_t u = 0; u < plan.height; ++u) std::copy_n(&rows[u * plan.width], plan.half(), spectrum + u * plan.half());
    transform(spectrum, plan.half(), 1, plan.height, plan.half(), true);
  }
}

void inverse(const Plan& plan, Complex* spectrum, float* x) {
  std::vector<Complex> row(plan.width);
  for (std::size_t p = 0; p < plan.planes; ++p, x += plan.height * plan.width, spectrum += plan.height * plan.half()) {
    transform(spectrum, plan.half(), 1, plan.height, plan.half(), false);
    for (std::size_t u = 0; u < plan.height; ++u) {
      const Complex* half = spectrum + u * plan.half();
      for (std::size_t v = 0; v < plan.width; ++v) row[v] = v < plan.half() ? half[v] : std::conj(half[plan.width - v]);
      transform(row.data(), 1, 0, plan.width, 1, false);
      for (std::size_t v = 0; v < plan.width; ++v) x[u * plan.width + v] = row[v].real();
    }
  }
}

/// Lends the plan's memory to exec(plan), in the stream's order.
template <class Exec>
cufftResult run(cufftHandle handle, cufftType type, const void* from, std::size_t read, const void* to, std::size_t written, Exec exec) {
  const Lock lock(world().mutex);
  const Plan plan = plans().at(handle);
  if (plan.type != type) broken("a plan of another kind of transform");
  if (plan.work == nullptr) broken("a transform without memory to work in");
  if (from == to) broken("a transform in place, which is not emulated");
  Work& work = workOf(plan.stream);
  ++world().counts.launches;
  enqueue(work, [=, &memory = world().gpus[static_cast<std::size_t>(work.gpu)].memory] {
    memory.requireRange(from, read, "what a transform reads");
    memory.requireRange(to, written, "what a transform writes");
    memory.requireRange(plan.work, plan.workBytes(), "what a transform works in");
    std::memset(plan.work, kNotANumber, plan.workBytes());
    exec(plan);
  });
  return CUFFT_SUCCESS;
}

}  // namespace

extern "C" {

cufftResult cufftCreate(cufftHandle* handle) {
  const Lock lock(world().mutex);
  static cufftHandle last = 0;
  plans()[*handle = ++last] = {};
  return CUFFT_SUCCESS;
}
cufftResult cufftDestroy(cufftHandle handle) {
  const Lock lock(world().mutex);
  return plans().erase(handle) == 1 ? CUFFT_SUCCESS : CUFFT_INVALID_PLAN;
}
cufftResult cufftSetAutoAllocation(cufftHandle, int isAutomatic) {
  if (isAutomatic != 0) broken("a plan that takes memory of its own, for which the device waits");
  return CUFFT_SUCCESS;
}
cufftResult cufftMakePlanMany64(cufftHandle handle, int rank, long long* sides, long long* from, long long, long long, long long* to,
                                long long, long long, cufftType type, long long batch, std::size_t* workBytes) {
  const Lock lock(world().mutex);
  if (rank != 2 || from != nullptr || to != nullptr || (type != CUFFT_R2C && type != CUFFT_C2R))
    broken("a transform of a kind that is not emulated");
  Plan& plan = plans().at(handle);
  plan.type = type;
  plan.planes = static_cast<std::size_t>(batch);
  plan.height = static_cast<std::size_t>(sides[0]);
  plan.width = static_cast<std::size_t>(sides[1]);
  *workBytes = plan.workBytes();
  return failsNow(Call::allocation) ? CUFFT_ALLOC_FAILED : CUFFT_SUCCESS;
}
cufftResult cufftSetStream(cufftHandle handle, cudaStream_t stream) {
  const Lock lock(world().mutex);
  plans().at(handle).stream = stream;
  return CUFFT_SUCCESS;
}
cufftResult cufftSetWorkArea(cufftHandle handle, void* work) {
  const Lock lock(world().mutex);
  plans().at(handle).work = work;
  return CUFFT_SUCCESS;
}

cufftResult cufftExecR2C(cufftHandle handle, cufftReal* from, cufftComplex* to) {
  const Plan plan = plans().at(handle);
  return run(handle, CUFFT_R2C, from, plan.realBytes(), to, plan.complexBytes(),
             [=](const Plan& running) { forward(running, from, reinterpret_cast<Complex*>(to)); });
}
cufftResult cufftExecC2R(cufftHandle handle, cufftComplex* from, cufftReal* to) {
  const Plan plan = plans().at(handle);
  return run(handle, CUFFT_C2R, from, plan.complexBytes(), to, plan.realBytes(), [=](const Plan& running) {
    inverse(running, reinterpret_cast<Complex*>(from), to);
    std::memset(from, kNotANumber, running.complexBytes());  // the real one leaves something there, too
  });
}

}  // extern "C"
