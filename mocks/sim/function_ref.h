// FunctionRef: refers to something callable that its caller keeps alive. It is what
// absl::FunctionRef is: the doubles depend on the interface alone, and not on Abseil.
#ifndef CLEANFORK_MOCKS_SIM_FUNCTION_REF_H_
#define CLEANFORK_MOCKS_SIM_FUNCTION_REF_H_

namespace cleanfork::sim {

template <typename Signature>
class FunctionRef;

template <typename Result, typename... A>
class FunctionRef<Result(A...)> {
 public:
  template <typename Function>
  FunctionRef(const Function& function)  // NOLINT(google-explicit-constructor): a lambda is one
      : object_(&function), call_([](const void* object, A... a) -> Result {
          return (*static_cast<const Function*>(object))(a...);
        }) {}
  Result operator()(A... a) const { return call_(object_, a...); }

 private:
  const void* object_;
  Result (*call_)(const void*, A...);
};

}  // namespace cleanfork::sim

#endif  // CLEANFORK_MOCKS_SIM_FUNCTION_REF_H_
