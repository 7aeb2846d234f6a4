//! Errors on their way through DataFusion and back.

use datafusion::arrow::error::ArrowError;
use datafusion::error::DataFusionError;
use tablecast_connector::Error;

use crate::runtime::again;

/// An error of ours as DataFusion carries it.
pub fn to_datafusion(error: Error) -> DataFusionError {
    DataFusionError::External(Box::new(error))
}

/// The error of ours that DataFusion carries, or what its own comes to: `TooLarge` where memory did not suffice,
/// `InvalidRequest` for a query that cannot be planned, `Unsupported` for what it lacks, `Internal` for the rest.
pub fn from_datafusion(error: DataFusionError) -> Error {
    carried(&error).unwrap_or_else(|| own(error))
}

/// The error of ours that DataFusion carries, if it does.
pub fn carried(error: &DataFusionError) -> Option<Error> {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        if let Some(ours) = inner.downcast_ref::<Error>() {
            return Some(again(ours));
        }
        cause = match inner.downcast_ref::<DataFusionError>() {
            Some(DataFusionError::External(carried)) => Some(carried.as_ref()),
            Some(DataFusionError::Shared(carried)) => Some(carried.as_ref()),
            Some(DataFusionError::ArrowError(carried, _)) => Some(carried.as_ref()),
            _ => match inner.downcast_ref::<ArrowError>() {
                Some(ArrowError::ExternalError(carried)) => Some(carried.as_ref()),
                _ => inner.source(),
            },
        };
    }
    None
}

fn own(error: DataFusionError) -> Error {
    match error.find_root() {
        DataFusionError::ResourcesExhausted(_) => {
            Error::too_large("The query needs more memory than it may take")
                .hint("Ask for fewer rows or columns, or filter them first")
        }
        DataFusionError::Plan(message)
        | DataFusionError::Execution(message)
        | DataFusionError::Configuration(message) => Error::invalid(message.clone()),
        DataFusionError::SchemaError(..) | DataFusionError::SQL(..) => {
            Error::invalid(error.strip_backtrace())
        }
        DataFusionError::ArrowError(inner, _) => match inner.as_ref() {
            // Nothing else is cast so: whole numbers beyond 64 bits with a sign.
            ArrowError::CastError(message) if message.ends_with("to type Int64") => {
                Error::invalid("integer overflow")
            }
            ArrowError::DivideByZero
            | ArrowError::ArithmeticOverflow(_)
            | ArrowError::CastError(_)
            | ArrowError::ComputeError(_)
            | ArrowError::ParseError(_)
            | ArrowError::InvalidArgumentError(_) => Error::invalid(inner.to_string()),
            _ => Error::internal("The engine failed unexpectedly").caused_by(error),
        },
        // What does not fit together is told as a mistake of DataFusion's own.
        DataFusionError::Internal(message)
            if message.starts_with("Failed to coerce")
                || message.contains("failed to match any signature") =>
        {
            let said = message.split(". ").next().unwrap_or_default();
            Error::unsupported(said.trim_end_matches('.').to_owned())
        }
        DataFusionError::NotImplemented(message) => Error::unsupported(message.clone()),
        _ => Error::internal("The engine failed unexpectedly").caused_by(error),
    }
}
