target_sources(bora_backend_tests PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/kernels/kernel_testing.cc)
