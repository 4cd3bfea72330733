/* Generated from board-support/stm32u585/interrupts.csv by `python -m mvsdk.boards.generate`. Do not edit. */

#ifndef STM32U585_IRQN_H
#define STM32U585_IRQN_H

#ifdef __cplusplus
extern "C" {
#endif

/* Numbers and names are those of CMSIS: exceptions of the core are negative. */
typedef enum {
    Reset_IRQn = -15,
    NonMaskableInt_IRQn = -14,
    HardFault_IRQn = -13,
    MemoryManagement_IRQn = -12,
    BusFault_IRQn = -11,
    UsageFault_IRQn = -10,
    SecureFault_IRQn = -9,
    SVCall_IRQn = -5,
    DebugMonitor_IRQn = -4,
    PendSV_IRQn = -2,
    SysTick_IRQn = -1,
    WWDG_IRQn = 0,
    PVD_PVM_IRQn = 1,
    RTC_IRQn = 2,
    RTC_S_IRQn = 3,
    TAMP_IRQn = 4,
    RAMCFG_IRQn = 5,
    FLASH_IRQn = 6,
    FLASH_S_IRQn = 7,
    GTZC_IRQn = 8,
    RCC_IRQn = 9,
    RCC_S_IRQn = 10,
    EXTI0_IRQn = 11,
    EXTI1_IRQn = 12,
    EXTI2_IRQn = 13,
    EXTI3_IRQn = 14,
    EXTI4_IRQn = 15,
    EXTI5_IRQn = 16,
    EXTI6_IRQn = 17,
    EXTI7_IRQn = 18,
    EXTI8_IRQn = 19,
    EXTI9_IRQn = 20,
    EXTI10_IRQn = 21,
    EXTI11_IRQn = 22,
    EXTI12_IRQn = 23,
    EXTI13_IRQn = 24,
    EXTI14_IRQn = 25,
    EXTI15_IRQn = 26,
    IWDG_IRQn = 27,
    SAES_IRQn = 28,
    GPDMA1_Channel0_IRQn = 29,
    GPDMA1_Channel1_IRQn = 30,
    GPDMA1_Channel2_IRQn = 31,
    GPDMA1_Channel3_IRQn = 32,
    GPDMA1_Channel4_IRQn = 33,
    GPDMA1_Channel5_IRQn = 34,
    GPDMA1_Channel6_IRQn = 35,
    GPDMA1_Channel7_IRQn = 36,
    ADC1_IRQn = 37,
    DAC1_IRQn = 38,
    FDCAN1_IT0_IRQn = 39,
    FDCAN1_IT1_IRQn = 40,
    TIM1_BRK_IRQn = 41,
    TIM1_UP_IRQn = 42,
    TIM1_TRG_COM_IRQn = 43,
    TIM1_CC_IRQn = 44,
    TIM2_IRQn = 45,
    TIM3_IRQn = 46,
    TIM4_IRQn = 47,
    TIM5_IRQn = 48,
    TIM6_IRQn = 49,
    TIM7_IRQn = 50,
    TIM8_BRK_IRQn = 51,
    TIM8_UP_IRQn = 52,
    TIM8_TRG_COM_IRQn = 53,
    TIM8_CC_IRQn = 54,
    I2C1_EV_IRQn = 55,
    I2C1_ER_IRQn = 56,
    I2C2_EV_IRQn = 57,
    I2C2_ER_IRQn = 58,
    SPI1_IRQn = 59,
    SPI2_IRQn = 60,
    USART1_IRQn = 61,
    USART2_IRQn = 62,
    USART3_IRQn = 63,
    UART4_IRQn = 64,
    UART5_IRQn = 65,
    LPUART1_IRQn = 66,
    LPTIM1_IRQn = 67,
    LPTIM2_IRQn = 68,
    TIM15_IRQn = 69,
    TIM16_IRQn = 70,
    TIM17_IRQn = 71,
    COMP_IRQn = 72,
    OTG_FS_IRQn = 73,
    CRS_IRQn = 74,
    FMC_IRQn = 75,
    OCTOSPI1_IRQn = 76,
    PWR_S3WU_IRQn = 77,
    SDMMC1_IRQn = 78,
    SDMMC2_IRQn = 79,
    GPDMA1_Channel8_IRQn = 80,
    GPDMA1_Channel9_IRQn = 81,
    GPDMA1_Channel10_IRQn = 82,
    GPDMA1_Channel11_IRQn = 83,
    GPDMA1_Channel12_IRQn = 84,
    GPDMA1_Channel13_IRQn = 85,
    GPDMA1_Channel14_IRQn = 86,
    GPDMA1_Channel15_IRQn = 87,
    I2C3_EV_IRQn = 88,
    I2C3_ER_IRQn = 89,
    SAI1_IRQn = 90,
    SAI2_IRQn = 91,
    TSC_IRQn = 92,
    AES_IRQn = 93,
    RNG_IRQn = 94,
    FPU_IRQn = 95,
    HASH_IRQn = 96,
    PKA_IRQn = 97,
    LPTIM3_IRQn = 98,
    SPI3_IRQn = 99,
    I2C4_ER_IRQn = 100,
    I2C4_EV_IRQn = 101,
    MDF1_FLT0_IRQn = 102,
    MDF1_FLT1_IRQn = 103,
    MDF1_FLT2_IRQn = 104,
    MDF1_FLT3_IRQn = 105,
    UCPD1_IRQn = 106,
    ICACHE_IRQn = 107,
    OTFDEC1_IRQn = 108,
    OTFDEC2_IRQn = 109,
    LPTIM4_IRQn = 110,
    DCACHE1_IRQn = 111,
    ADF1_IRQn = 112,
    ADC4_IRQn = 113,
    LPDMA1_Channel0_IRQn = 114,
    LPDMA1_Channel1_IRQn = 115,
    LPDMA1_Channel2_IRQn = 116,
    LPDMA1_Channel3_IRQn = 117,
    DMA2D_IRQn = 118,
    DCMI_PSSI_IRQn = 119,
    OCTOSPI2_IRQn = 120,
    MDF1_FLT4_IRQn = 121,
    MDF1_FLT5_IRQn = 122,
    CORDIC_IRQn = 123,
    FMAC_IRQn = 124,
} IRQn_Type;

/* A function with one of these names serves that interrupt. */
void Reset_Handler(void);
void NMI_Handler(void);
void HardFault_Handler(void);
void MemManage_Handler(void);
void BusFault_Handler(void);
void UsageFault_Handler(void);
void SecureFault_Handler(void);
void SVC_Handler(void);
void DebugMon_Handler(void);
void PendSV_Handler(void);
void SysTick_Handler(void);
void WWDG_IRQHandler(void);
void PVD_PVM_IRQHandler(void);
void RTC_IRQHandler(void);
void RTC_S_IRQHandler(void);
void TAMP_IRQHandler(void);
void RAMCFG_IRQHandler(void);
void FLASH_IRQHandler(void);
void FLASH_S_IRQHandler(void);
void GTZC_IRQHandler(void);
void RCC_IRQHandler(void);
void RCC_S_IRQHandler(void);
void EXTI0_IRQHandler(void);
void EXTI1_IRQHandler(void);
void EXTI2_IRQHandler(void);
void EXTI3_IRQHandler(void);
void EXTI4_IRQHandler(void);
void EXTI5_IRQHandler(void);
void EXTI6_IRQHandler(void);
void EXTI7_IRQHandler(void);
void EXTI8_IRQHandler(void);
void EXTI9_IRQHandler(void);
void EXTI10_IRQHandler(void);
void EXTI11_IRQHandler(void);
void EXTI12_IRQHandler(void);
void EXTI13_IRQHandler(void);
void EXTI14_IRQHandler(void);
void EXTI15_IRQHandler(void);
void IWDG_IRQHandler(void);
void SAES_IRQHandler(void);
void GPDMA1_Channel0_IRQHandler(void);
void GPDMA1_Channel1_IRQHandler(void);
void GPDMA1_Channel2_IRQHandler(void);
void GPDMA1_Channel3_IRQHandler(void);
void GPDMA1_Channel4_IRQHandler(void);
void GPDMA1_Channel5_IRQHandler(void);
void GPDMA1_Channel6_IRQHandler(void);
void GPDMA1_Channel7_IRQHandler(void);
void ADC1_IRQHandler(void);
void DAC1_IRQHandler(void);
void FDCAN1_IT0_IRQHandler(void);
void FDCAN1_IT1_IRQHandler(void);
void TIM1_BRK_IRQHandler(void);
void TIM1_UP_IRQHandler(void);
void TIM1_TRG_COM_IRQHandler(void);
void TIM1_CC_IRQHandler(void);
void TIM2_IRQHandler(void);
void TIM3_IRQHandler(void);
void TIM4_IRQHandler(void);
void TIM5_IRQHandler(void);
void TIM6_IRQHandler(void);
void TIM7_IRQHandler(void);
void TIM8_BRK_IRQHandler(void);
void TIM8_UP_IRQHandler(void);
void TIM8_TRG_COM_IRQHandler(void);
void TIM8_CC_IRQHandler(void);
void I2C1_EV_IRQHandler(void);
void I2C1_ER_IRQHandler(void);
void I2C2_EV_IRQHandler(void);
void I2C2_ER_IRQHandler(void);
void SPI1_IRQHandler(void);
void SPI2_IRQHandler(void);
void USART1_IRQHandler(void);
void USART2_IRQHandler(void);
void USART3_IRQHandler(void);
void UART4_IRQHandler(void);
void UART5_IRQHandler(void);
void LPUART1_IRQHandler(void);
void LPTIM1_IRQHandler(void);
void LPTIM2_IRQHandler(void);
void TIM15_IRQHandler(void);
void TIM16_IRQHandler(void);
void TIM17_IRQHandler(void);
void COMP_IRQHandler(void);
void OTG_FS_IRQHandler(void);
void CRS_IRQHandler(void);
void FMC_IRQHandler(void);
void OCTOSPI1_IRQHandler(void);
void PWR_S3WU_IRQHandler(void);
void SDMMC1_IRQHandler(void);
void SDMMC2_IRQHandler(void);
void GPDMA1_Channel8_IRQHandler(void);
void GPDMA1_Channel9_IRQHandler(void);
void GPDMA1_Channel10_IRQHandler(void);
void GPDMA1_Channel11_IRQHandler(void);
void GPDMA1_Channel12_IRQHandler(void);
void GPDMA1_Channel13_IRQHandler(void);
void GPDMA1_Channel14_IRQHandler(void);
void GPDMA1_Channel15_IRQHandler(void);
void I2C3_EV_IRQHandler(void);
void I2C3_ER_IRQHandler(void);
void SAI1_IRQHandler(void);
void SAI2_IRQHandler(void);
void TSC_IRQHandler(void);
void AES_IRQHandler(void);
void RNG_IRQHandler(void);
void FPU_IRQHandler(void);
void HASH_IRQHandler(void);
void PKA_IRQHandler(void);
void LPTIM3_IRQHandler(void);
void SPI3_IRQHandler(void);
void I2C4_ER_IRQHandler(void);
void I2C4_EV_IRQHandler(void);
void MDF1_FLT0_IRQHandler(void);
void MDF1_FLT1_IRQHandler(void);
void MDF1_FLT2_IRQHandler(void);
void MDF1_FLT3_IRQHandler(void);
void UCPD1_IRQHandler(void);
void ICACHE_IRQHandler(void);
void OTFDEC1_IRQHandler(void);
void OTFDEC2_IRQHandler(void);
void LPTIM4_IRQHandler(void);
void DCACHE1_IRQHandler(void);
void ADF1_IRQHandler(void);
void ADC4_IRQHandler(void);
void LPDMA1_Channel0_IRQHandler(void);
void LPDMA1_Channel1_IRQHandler(void);
void LPDMA1_Channel2_IRQHandler(void);
void LPDMA1_Channel3_IRQHandler(void);
void DMA2D_IRQHandler(void);
void DCMI_PSSI_IRQHandler(void);
void OCTOSPI2_IRQHandler(void);
void MDF1_FLT4_IRQHandler(void);
void MDF1_FLT5_IRQHandler(void);
void CORDIC_IRQHandler(void);
void FMAC_IRQHandler(void);

#ifdef __cplusplus
}
#endif

#endif
