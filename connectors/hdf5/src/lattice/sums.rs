//! What is summed up of the elements of each bin.

/// What is known of each bin.
pub struct Sums {
    bins: Vec<Bin>,
    /// Elements that were read.
    pub read: u64,
    /// Those of them that are missing.
    pub missing: u64,
}

#[derive(Clone, Copy)]
struct Bin {
    sum: f64,
    count: u64,
    least: f64,
    most: f64,
}

impl Sums {
    /// Nothing in so many bins.
    pub fn new(bins: usize) -> Self {
        let empty = Bin {
            sum: 0.0,
            count: 0,
            least: f64::NAN,
            most: f64::NAN,
        };
        Self {
            bins: vec![empty; bins],
            read: 0,
            missing: 0,
        }
    }

    /// Mean, least and greatest number of each bin.
    pub fn bins(&self) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let mean = |bin: &Bin| match bin.count {
            0 => f64::NAN,
            // The mean of one number, or of equal ones, is that number.
            _ if bin.least.to_bits() == bin.most.to_bits() => bin.least,
            count => (bin.sum / count as f64).clamp(bin.least, bin.most),
        };
        (
            self.bins.iter().map(mean).collect(),
            self.bins.iter().map(|bin| bin.least).collect(),
            self.bins.iter().map(|bin| bin.most).collect(),
        )
    }

    /// Adds what another reader found.
    pub fn merge(&mut self, other: &Self) {
        for (bin, more) in self.bins.iter_mut().zip(&other.bins) {
            bin.sum += more.sum;
            bin.count += more.count;
            bin.least = bin.least.min(more.least);
            bin.most = bin.most.max(more.most);
        }
        self.read += other.read;
        self.missing += other.missing;
    }

    /// Adds one number so many times.
    pub fn add_same(&mut self, bin: usize, number: f64, count: u64) {
        self.read += count;
        if !number.is_finite() {
            self.missing += count;
        } else if let Some(bin) = self.bins.get_mut(bin) {
            bin.sum += number * count as f64;
            bin.count += count;
            bin.least = bin.least.min(number);
            bin.most = bin.most.max(number);
        }
    }

    /// Adds numbers to a bin; what is not finite is missing.
    pub fn add(&mut self, bin: usize, numbers: &[f64]) {
        let Some(bin) = self.bins.get_mut(bin) else {
            return;
        };
        let mut missing = 0;
        for &number in numbers {
            if number.is_finite() {
                bin.sum += number;
                bin.count += 1;
                bin.least = bin.least.min(number);
                bin.most = bin.most.max(number);
            } else {
                missing += 1;
            }
        }
        self.read += numbers.len() as u64;
        self.missing += missing;
    }
}
