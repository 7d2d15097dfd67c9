#include "linalg/fft.h"

#include <cufft.h>

#include <cmath>
#include <list>
#include <string>
#include <tuple>

#include "cuda/cuda_device.h"
#include "kernels/launch.h"
#include "tensor/error.h"
#include "tensor/scratch.h"

namespace latino {

namespace {

void requireSuccess(cufftResult result, const char* what) {
  if (result != CUFFT_SUCCESS)
    throw RuntimeError(std::string(what) + " failed in cuFFT: error " + std::to_string(static_cast<int>(result)));
}

/// A batch of transforms of one size, which works in memory that it is lent for each.
class Plan {
 public:
  Plan(std::int64_t planes, std::int64_t height, std::int64_t width, cufftType type) {
    requireSuccess(cufftCreate(&handle_), "Making a plan");
    try {
      requireSuccess(cufftSetAutoAllocation(handle_, 0), "Making a plan");
      long long sides[2] = {height, width};
      requireSuccess(cufftMakePlanMany64(handle_, 2, sides, nullptr, 1, 0, nullptr, 1, 0, type, planes, &workBytes_), "Making a plan");
    } catch (...) {
      cufftDestroy(handle_);
      throw;
    }
  }
  ~Plan() { cufftDestroy(handle_); }
  Plan(const Plan&) = delete;
  Plan& operator=(const Plan&) = delete;

  /// exec(handle) on the device's stream.
  template <class Exec>
  void run(Device& device, Exec exec) const {
    const Scratch work(device, static_cast<std::int64_t>(workBytes_ / sizeof(float) + 1));
    requireSuccess(cufftSetStream(handle_, cudaStreamOf(device)), "Setting the stream");
    requireSuccess(cufftSetWorkArea(handle_, work.data()), "Lending memory");
    requireSuccess(exec(handle_), "A transform");
  }

 private:
  cufftHandle handle_ = 0;
  std::size_t workBytes_ = 0;
};

using Key = std::tuple<std::int64_t, std::int64_t, std::int64_t, cufftType>;
/// Plans that are kept; a restoration needs four at most.
constexpr std::size_t kPlans = 16;

/// The plan of a size, made once; those used last are kept. Each queue's thread has its own, on its own GPU.
const Plan& planOf(std::int64_t planes, std::int64_t height, std::int64_t width, cufftType type) {
  static thread_local std::list<std::pair<Key, Plan>> plans;
  const Key key{planes, height, width, type};
  for (auto known = plans.begin(); known != plans.end(); ++known) {
    if (known->first != key) continue;
    plans.splice(plans.begin(), plans, known);
    return plans.front().second;
  }
  plans.emplace_front(std::piecewise_construct, std::forward_as_tuple(key), std::forward_as_tuple(planes, height, width, type));
  if (plans.size() > kPlans) plans.pop_back();
  return plans.front().second;
}

float orthonormal(std::int64_t height, std::int64_t width) {
  return static_cast<float>(1 / std::sqrt(static_cast<double>(height) * static_cast<double>(width)));
}

}  // namespace

void rfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* x, float* spectrum) {
  planOf(planes, height, width, CUFFT_R2C).run(device, [&](cufftHandle handle) {
    return cufftExecR2C(handle, const_cast<float*>(x), reinterpret_cast<cufftComplex*>(spectrum));  // it does not write x out of place
  });
  const float scale = orthonormal(height, width);
  forEach(device, planes * height * halfWidth(width) * 2, [=] LATINO_DEVICE(std::int64_t i) { spectrum[i] *= scale; });
}

void irfft2(Device& device, std::int64_t planes, std::int64_t height, std::int64_t width, const float* spectrum, float* x) {
  // The transform destroys its input, and defines nothing for the parts of a spectrum that no real plane has: they go.
  const std::int64_t half = halfWidth(width);
  const Scratch copy(device, planes * height * half * 2);
  float* scaled = copy.data();
  const float scale = orthonormal(height, width);
  forRows(device, planes * height, half, [=] LATINO_DEVICE(std::int64_t row, std::int64_t column) {
    const std::int64_t at = 2 * (row * half + column);
    float re = spectrum[at], im = spectrum[at + 1];
    if (column == 0 || 2 * column == width) {  // columns that are their own mirror
      const std::int64_t u = row % height, mirror = at + 2 * half * (u == 0 ? 0 : height - 2 * u);
      re = (re + spectrum[mirror]) / 2;
      im = (im - spectrum[mirror + 1]) / 2;
    }
    scaled[at] = scale * re;
    scaled[at + 1] = scale * im;
  });
  planOf(planes, height, width, CUFFT_C2R).run(device, [&](cufftHandle handle) {
    return cufftExecC2R(handle, reinterpret_cast<cufftComplex*>(scaled), x);
  });
}

void filterInFrame(Device& device, std::int64_t planes, Extent size, Extent frame, const float* weights, const float* x, float* z, Extent) {
  const std::int64_t height = size.height, width = size.width, frameH = frame.height, frameW = frame.width;
  const std::int64_t count = frameH * halfWidth(frameW);
  const Scratch framed(device, planes * frameH * frameW), transformed(device, planes * count * 2);
  float *f = framed.data(), *spectrum = transformed.data();
  forRows(device, planes * frameH, frameW, [=] LATINO_DEVICE(std::int64_t line, std::int64_t column) {
    const std::int64_t row = line % frameH, plane = line / frameH;
    f[line * frameW + column] = row < height && column < width ? x[(plane * height + row) * width + column] : 0;
  });
  rfft2(device, planes, frameH, frameW, f, spectrum);
  forRows(device, planes, count, [=] LATINO_DEVICE(std::int64_t plane, std::int64_t at) {
    float* number = spectrum + 2 * (plane * count + at);
    number[0] *= weights[at];
    number[1] *= weights[at];
  });
  irfft2(device, planes, frameH, frameW, spectrum, f);
  forRows(device, planes * height, width, [=] LATINO_DEVICE(std::int64_t line, std::int64_t column) {
    const std::int64_t row = line % height, plane = line / height;
    z[line * width + column] = f[(plane * frameH + row) * frameW + column];
  });
}

}  // namespace latino
