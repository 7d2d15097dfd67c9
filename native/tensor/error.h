// The one exception hierarchy of the native core. Each type carries the stable code that JavaScript sees.
#pragma once

#include <stdexcept>
#include <string>

namespace latino {

class Error : public std::runtime_error {
 public:
  Error(const char* code, const std::string& message) : std::runtime_error(message), code_(code) {}
  const char* code() const noexcept { return code_; }

 private:
  const char* code_;
};

struct ArgumentError : Error {
  explicit ArgumentError(const std::string& message) : Error("ERR_LATINO_ARGUMENT", message) {}
};
struct ShapeError : Error {
  explicit ShapeError(const std::string& message) : Error("ERR_LATINO_SHAPE", message) {}
};
struct ImageError : Error {
  explicit ImageError(const std::string& message) : Error("ERR_LATINO_IMAGE", message) {}
};
struct DisposedError : Error {
  explicit DisposedError(const std::string& message) : Error("ERR_LATINO_DISPOSED", message) {}
};
struct DeviceError : Error {
  explicit DeviceError(const std::string& message) : Error("ERR_LATINO_DEVICE", message) {}
};
struct DeviceMemoryError : Error {
  explicit DeviceMemoryError(const std::string& message) : Error("ERR_LATINO_DEVICE_MEMORY", message) {}
};
struct ModelError : Error {
  explicit ModelError(const std::string& message) : Error("ERR_LATINO_MODEL", message) {}
};
struct ConvergenceError : Error {
  explicit ConvergenceError(const std::string& message) : Error("ERR_LATINO_CONVERGENCE", message) {}
};
/// A result that is not finite.
struct NumericError : Error {
  explicit NumericError(const std::string& message) : Error("ERR_LATINO_NUMERIC", message) {}
};
/// Whoever asked for the work has cancelled it.
struct CancelledError : Error {
  explicit CancelledError(const std::string& message) : Error("ERR_LATINO_CANCELLED", message) {}
};
struct RuntimeError : Error {
  explicit RuntimeError(const std::string& message) : Error("ERR_LATINO_RUNTIME", message) {}
};

}  // namespace latino
