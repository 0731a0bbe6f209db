# The golden blocks run through every table of kernels.
target_sources(bora_model_tests PRIVATE ${CMAKE_CURRENT_SOURCE_DIR}/kernels/kernel_testing.cc)
