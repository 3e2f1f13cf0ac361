// expect: weir: process needs a struct with one member function
struct echo {
  template <class T>
  void process(const T&, weir::context&, weir::collector<T>&) const {}
};

void compose(weir::job& job) {
  job.source("lines", lines{}).process("echo", echo{}).sink("out", nowhere{});
}
