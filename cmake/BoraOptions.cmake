# Warnings and sanitizers, for our own targets only.
add_library(bora_options INTERFACE)
target_compile_options(bora_options INTERFACE -Wall -Wextra -Wpedantic -Wshadow -Wconversion
                                              -Wold-style-cast -Werror)
if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
  # False alarms at -O2 and up: on std::string operator+ (GCC bug 105651), on moves of std::variant.
  target_compile_options(bora_options INTERFACE -Wno-restrict -Wno-maybe-uninitialized)
endif()
if(BORA_SANITIZE)
  target_compile_options(bora_options INTERFACE -fsanitize=${BORA_SANITIZE} -fno-omit-frame-pointer
                                                -fno-sanitize-recover=all)
  target_link_options(bora_options INTERFACE -fsanitize=${BORA_SANITIZE})
endif()
if(BORA_FUZZ)
  target_compile_options(bora_options INTERFACE -fsanitize=fuzzer-no-link)  # coverage for libFuzzer
  # libFuzzer's name for: limits of time may be lower than in what users run.
  target_compile_definitions(bora_options INTERFACE FUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION)
endif()
