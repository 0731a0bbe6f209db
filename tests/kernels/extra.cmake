target_sources(bora_kernels_tests PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/kernels/kernel_testing.cc)
