/* Generated from board-support/stm32u585/interrupts.csv by `python -m mvsdk.boards.generate`. Do not edit. */

/* The vector table. The kernel takes stack pointer and entry point from its first two words. */

#include <stdint.h>

#define UNLESS_DEFINED __attribute__((weak, alias("Default_Handler")))

extern uint32_t _estack[];

void Reset_Handler(void);
void Default_Handler(void);
void NMI_Handler(void) UNLESS_DEFINED;
void HardFault_Handler(void) UNLESS_DEFINED;
void MemManage_Handler(void) UNLESS_DEFINED;
void BusFault_Handler(void) UNLESS_DEFINED;
void UsageFault_Handler(void) UNLESS_DEFINED;
void SecureFault_Handler(void) UNLESS_DEFINED;
void SVC_Handler(void) UNLESS_DEFINED;
void DebugMon_Handler(void) UNLESS_DEFINED;
void PendSV_Handler(void) UNLESS_DEFINED;
void SysTick_Handler(void) UNLESS_DEFINED;
void WWDG_IRQHandler(void) UNLESS_DEFINED;
void PVD_PVM_IRQHandler(void) UNLESS_DEFINED;
void RTC_IRQHandler(void) UNLESS_DEFINED;
void RTC_S_IRQHandler(void) UNLESS_DEFINED;
void TAMP_IRQHandler(void) UNLESS_DEFINED;
void RAMCFG_IRQHandler(void) UNLESS_DEFINED;
void FLASH_IRQHandler(void) UNLESS_DEFINED;
void FLASH_S_IRQHandler(void) UNLESS_DEFINED;
void GTZC_IRQHandler(void) UNLESS_DEFINED;
void RCC_IRQHandler(void) UNLESS_DEFINED;
void RCC_S_IRQHandler(void) UNLESS_DEFINED;
void EXTI0_IRQHandler(void) UNLESS_DEFINED;
void EXTI1_IRQHandler(void) UNLESS_DEFINED;
void EXTI2_IRQHandler(void) UNLESS_DEFINED;
void EXTI3_IRQHandler(void) UNLESS_DEFINED;
void EXTI4_IRQHandler(void) UNLESS_DEFINED;
void EXTI5_IRQHandler(void) UNLESS_DEFINED;
void EXTI6_IRQHandler(void) UNLESS_DEFINED;
void EXTI7_IRQHandler(void) UNLESS_DEFINED;
void EXTI8_IRQHandler(void) UNLESS_DEFINED;
void EXTI9_IRQHandler(void) UNLESS_DEFINED;
void EXTI10_IRQHandler(void) UNLESS_DEFINED;
void EXTI11_IRQHandler(void) UNLESS_DEFINED;
void EXTI12_IRQHandler(void) UNLESS_DEFINED;
void EXTI13_IRQHandler(void) UNLESS_DEFINED;
void EXTI14_IRQHandler(void) UNLESS_DEFINED;
void EXTI15_IRQHandler(void) UNLESS_DEFINED;
void IWDG_IRQHandler(void) UNLESS_DEFINED;
void SAES_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel0_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel1_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel2_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel3_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel4_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel5_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel6_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel7_IRQHandler(void) UNLESS_DEFINED;
void ADC1_IRQHandler(void) UNLESS_DEFINED;
void DAC1_IRQHandler(void) UNLESS_DEFINED;
void FDCAN1_IT0_IRQHandler(void) UNLESS_DEFINED;
void FDCAN1_IT1_IRQHandler(void) UNLESS_DEFINED;
void TIM1_BRK_IRQHandler(void) UNLESS_DEFINED;
void TIM1_UP_IRQHandler(void) UNLESS_DEFINED;
void TIM1_TRG_COM_IRQHandler(void) UNLESS_DEFINED;
void TIM1_CC_IRQHandler(void) UNLESS_DEFINED;
void TIM2_IRQHandler(void) UNLESS_DEFINED;
void TIM3_IRQHandler(void) UNLESS_DEFINED;
void TIM4_IRQHandler(void) UNLESS_DEFINED;
void TIM5_IRQHandler(void) UNLESS_DEFINED;
void TIM6_IRQHandler(void) UNLESS_DEFINED;
void TIM7_IRQHandler(void) UNLESS_DEFINED;
void TIM8_BRK_IRQHandler(void) UNLESS_DEFINED;
void TIM8_UP_IRQHandler(void) UNLESS_DEFINED;
void TIM8_TRG_COM_IRQHandler(void) UNLESS_DEFINED;
void TIM8_CC_IRQHandler(void) UNLESS_DEFINED;
void I2C1_EV_IRQHandler(void) UNLESS_DEFINED;
void I2C1_ER_IRQHandler(void) UNLESS_DEFINED;
void I2C2_EV_IRQHandler(void) UNLESS_DEFINED;
void I2C2_ER_IRQHandler(void) UNLESS_DEFINED;
void SPI1_IRQHandler(void) UNLESS_DEFINED;
void SPI2_IRQHandler(void) UNLESS_DEFINED;
void USART1_IRQHandler(void) UNLESS_DEFINED;
void USART2_IRQHandler(void) UNLESS_DEFINED;
void USART3_IRQHandler(void) UNLESS_DEFINED;
void UART4_IRQHandler(void) UNLESS_DEFINED;
void UART5_IRQHandler(void) UNLESS_DEFINED;
void LPUART1_IRQHandler(void) UNLESS_DEFINED;
void LPTIM1_IRQHandler(void) UNLESS_DEFINED;
void LPTIM2_IRQHandler(void) UNLESS_DEFINED;
void TIM15_IRQHandler(void) UNLESS_DEFINED;
void TIM16_IRQHandler(void) UNLESS_DEFINED;
void TIM17_IRQHandler(void) UNLESS_DEFINED;
void COMP_IRQHandler(void) UNLESS_DEFINED;
void OTG_FS_IRQHandler(void) UNLESS_DEFINED;
void CRS_IRQHandler(void) UNLESS_DEFINED;
void FMC_IRQHandler(void) UNLESS_DEFINED;
void OCTOSPI1_IRQHandler(void) UNLESS_DEFINED;
void PWR_S3WU_IRQHandler(void) UNLESS_DEFINED;
void SDMMC1_IRQHandler(void) UNLESS_DEFINED;
void SDMMC2_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel8_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel9_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel10_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel11_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel12_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel13_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel14_IRQHandler(void) UNLESS_DEFINED;
void GPDMA1_Channel15_IRQHandler(void) UNLESS_DEFINED;
void I2C3_EV_IRQHandler(void) UNLESS_DEFINED;
void I2C3_ER_IRQHandler(void) UNLESS_DEFINED;
void SAI1_IRQHandler(void) UNLESS_DEFINED;
void SAI2_IRQHandler(void) UNLESS_DEFINED;
void TSC_IRQHandler(void) UNLESS_DEFINED;
void AES_IRQHandler(void) UNLESS_DEFINED;
void RNG_IRQHandler(void) UNLESS_DEFINED;
void FPU_IRQHandler(void) UNLESS_DEFINED;
void HASH_IRQHandler(void) UNLESS_DEFINED;
void PKA_IRQHandler(void) UNLESS_DEFINED;
void LPTIM3_IRQHandler(void) UNLESS_DEFINED;
void SPI3_IRQHandler(void) UNLESS_DEFINED;
void I2C4_ER_IRQHandler(void) UNLESS_DEFINED;
void I2C4_EV_IRQHandler(void) UNLESS_DEFINED;
void MDF1_FLT0_IRQHandler(void) UNLESS_DEFINED;
void MDF1_FLT1_IRQHandler(void) UNLESS_DEFINED;
void MDF1_FLT2_IRQHandler(void) UNLESS_DEFINED;
void MDF1_FLT3_IRQHandler(void) UNLESS_DEFINED;
void UCPD1_IRQHandler(void) UNLESS_DEFINED;
void ICACHE_IRQHandler(void) UNLESS_DEFINED;
void OTFDEC1_IRQHandler(void) UNLESS_DEFINED;
void OTFDEC2_IRQHandler(void) UNLESS_DEFINED;
void LPTIM4_IRQHandler(void) UNLESS_DEFINED;
void DCACHE1_IRQHandler(void) UNLESS_DEFINED;
void ADF1_IRQHandler(void) UNLESS_DEFINED;
void ADC4_IRQHandler(void) UNLESS_DEFINED;
void LPDMA1_Channel0_IRQHandler(void) UNLESS_DEFINED;
void LPDMA1_Channel1_IRQHandler(void) UNLESS_DEFINED;
void LPDMA1_Channel2_IRQHandler(void) UNLESS_DEFINED;
void LPDMA1_Channel3_IRQHandler(void) UNLESS_DEFINED;
void DMA2D_IRQHandler(void) UNLESS_DEFINED;
void DCMI_PSSI_IRQHandler(void) UNLESS_DEFINED;
void OCTOSPI2_IRQHandler(void) UNLESS_DEFINED;
void MDF1_FLT4_IRQHandler(void) UNLESS_DEFINED;
void MDF1_FLT5_IRQHandler(void) UNLESS_DEFINED;
void CORDIC_IRQHandler(void) UNLESS_DEFINED;
void FMAC_IRQHandler(void) UNLESS_DEFINED;

/* An interrupt without a handler stops the application here, where a debugger finds it. */
__attribute__((weak)) void Default_Handler(void)
{
    for (;;) {
    }
}

struct vector_table {
    uint32_t *initial_stack;
    void (*handlers[140])(void);
};

extern const struct vector_table g_pfnVectors;

__attribute__((section(".isr_vector"), used)) const struct vector_table g_pfnVectors = {
    .initial_stack = _estack,
    .handlers = {
        Reset_Handler, /* -15 */
        NMI_Handler, /* -14 */
        HardFault_Handler, /* -13 */
        MemManage_Handler, /* -12 */
        BusFault_Handler, /* -11 */
        UsageFault_Handler, /* -10 */
        SecureFault_Handler, /* -9 */
        0, /* -8 */
        0, /* -7 */
        0, /* -6 */
        SVC_Handler, /* -5 */
        DebugMon_Handler, /* -4 */
        0, /* -3 */
        PendSV_Handler, /* -2 */
        SysTick_Handler, /* -1 */
        WWDG_IRQHandler, /* 0 */
        PVD_PVM_IRQHandler, /* 1 */
        RTC_IRQHandler, /* 2 */
        RTC_S_IRQHandler, /* 3 */
        TAMP_IRQHandler, /* 4 */
        RAMCFG_IRQHandler, /* 5 */
        FLASH_IRQHandler, /* 6 */
        FLASH_S_IRQHandler, /* 7 */
        GTZC_IRQHandler, /* 8 */
        RCC_IRQHandler, /* 9 */
        RCC_S_IRQHandler, /* 10 */
        EXTI0_IRQHandler, /* 11 */
        EXTI1_IRQHandler, /* 12 */
        EXTI2_IRQHandler, /* 13 */
        EXTI3_IRQHandler, /* 14 */
        EXTI4_IRQHandler, /* 15 */
        EXTI5_IRQHandler, /* 16 */
        EXTI6_IRQHandler, /* 17 */
        EXTI7_IRQHandler, /* 18 */
        EXTI8_IRQHandler, /* 19 */
        EXTI9_IRQHandler, /* 20 */
        EXTI10_IRQHandler, /* 21 */
        EXTI11_IRQHandler, /* 22 */
        EXTI12_IRQHandler, /* 23 */
        EXTI13_IRQHandler, /* 24 */
        EXTI14_IRQHandler, /* 25 */
        EXTI15_IRQHandler, /* 26 */
        IWDG_IRQHandler, /* 27 */
        SAES_IRQHandler, /* 28 */
        GPDMA1_Channel0_IRQHandler, /* 29 */
        GPDMA1_Channel1_IRQHandler, /* 30 */
        GPDMA1_Channel2_IRQHandler, /* 31 */
        GPDMA1_Channel3_IRQHandler, /* 32 */
        GPDMA1_Channel4_IRQHandler, /* 33 */
        GPDMA1_Channel5_IRQHandler, /* 34 */
        GPDMA1_Channel6_IRQHandler, /* 35 */
        GPDMA1_Channel7_IRQHandler, /* 36 */
        ADC1_IRQHandler, /* 37 */
        DAC1_IRQHandler, /* 38 */
        FDCAN1_IT0_IRQHandler, /* 39 */
        FDCAN1_IT1_IRQHandler, /* 40 */
        TIM1_BRK_IRQHandler, /* 41 */
        TIM1_UP_IRQHandler, /* 42 */
        TIM1_TRG_COM_IRQHandler, /* 43 */
        TIM1_CC_IRQHandler, /* 44 */
        TIM2_IRQHandler, /* 45 */
        TIM3_IRQHandler, /* 46 */
        TIM4_IRQHandler, /* 47 */
        TIM5_IRQHandler, /* 48 */
        TIM6_IRQHandler, /* 49 */
        TIM7_IRQHandler, /* 50 */
        TIM8_BRK_IRQHandler, /* 51 */
        TIM8_UP_IRQHandler, /* 52 */
        TIM8_TRG_COM_IRQHandler, /* 53 */
        TIM8_CC_IRQHandler, /* 54 */
        I2C1_EV_IRQHandler, /* 55 */
        I2C1_ER_IRQHandler, /* 56 */
        I2C2_EV_IRQHandler, /* 57 */
        I2C2_ER_IRQHandler, /* 58 */
        SPI1_IRQHandler, /* 59 */
        SPI2_IRQHandler, /* 60 */
        USART1_IRQHandler, /* 61 */
        USART2_IRQHandler, /* 62 */
        USART3_IRQHandler, /* 63 */
        UART4_IRQHandler, /* 64 */
        UART5_IRQHandler, /* 65 */
        LPUART1_IRQHandler, /* 66 */
        LPTIM1_IRQHandler, /* 67 */
        LPTIM2_IRQHandler, /* 68 */
        TIM15_IRQHandler, /* 69 */
        TIM16_IRQHandler, /* 70 */
        TIM17_IRQHandler, /* 71 */
        COMP_IRQHandler, /* 72 */
        OTG_FS_IRQHandler, /* 73 */
        CRS_IRQHandler, /* 74 */
        FMC_IRQHandler, /* 75 */
        OCTOSPI1_IRQHandler, /* 76 */
        PWR_S3WU_IRQHandler, /* 77 */
        SDMMC1_IRQHandler, /* 78 */
        SDMMC2_IRQHandler, /* 79 */
        GPDMA1_Channel8_IRQHandler, /* 80 */
        GPDMA1_Channel9_IRQHandler, /* 81 */
        GPDMA1_Channel10_IRQHandler, /* 82 */
        GPDMA1_Channel11_IRQHandler, /* 83 */
        GPDMA1_Channel12_IRQHandler, /* 84 */
        GPDMA1_Channel13_IRQHandler, /* 85 */
        GPDMA1_Channel14_IRQHandler, /* 86 */
        GPDMA1_Channel15_IRQHandler, /* 87 */
        I2C3_EV_IRQHandler, /* 88 */
        I2C3_ER_IRQHandler, /* 89 */
        SAI1_IRQHandler, /* 90 */
        SAI2_IRQHandler, /* 91 */
        TSC_IRQHandler, /* 92 */
        AES_IRQHandler, /* 93 */
        RNG_IRQHandler, /* 94 */
        FPU_IRQHandler, /* 95 */
        HASH_IRQHandler, /* 96 */
        PKA_IRQHandler, /* 97 */
        LPTIM3_IRQHandler, /* 98 */
        SPI3_IRQHandler, /* 99 */
        I2C4_ER_IRQHandler, /* 100 */
        I2C4_EV_IRQHandler, /* 101 */
        MDF1_FLT0_IRQHandler, /* 102 */
        MDF1_FLT1_IRQHandler, /* 103 */
        MDF1_FLT2_IRQHandler, /* 104 */
        MDF1_FLT3_IRQHandler, /* 105 */
        UCPD1_IRQHandler, /* 106 */
        ICACHE_IRQHandler, /* 107 */
        OTFDEC1_IRQHandler, /* 108 */
        OTFDEC2_IRQHandler, /* 109 */
        LPTIM4_IRQHandler, /* 110 */
        DCACHE1_IRQHandler, /* 111 */
        ADF1_IRQHandler, /* 112 */
        ADC4_IRQHandler, /* 113 */
        LPDMA1_Channel0_IRQHandler, /* 114 */
        LPDMA1_Channel1_IRQHandler, /* 115 */
        LPDMA1_Channel2_IRQHandler, /* 116 */
        LPDMA1_Channel3_IRQHandler, /* 117 */
        DMA2D_IRQHandler, /* 118 */
        DCMI_PSSI_IRQHandler, /* 119 */
        OCTOSPI2_IRQHandler, /* 120 */
        MDF1_FLT4_IRQHandler, /* 121 */
        MDF1_FLT5_IRQHandler, /* 122 */
        CORDIC_IRQHandler, /* 123 */
        FMAC_IRQHandler, /* 124 */
    },
};
